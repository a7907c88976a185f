import time,random,cProfile,pstats
from tapehead.knowledge import read
from tapehead.knowledge.kinship.index import kin_of, Kin
from tapehead.knowledge.kinship.ties import ties
t=time.time(); g=read("/work/shared/data/gedcom/royal92.ged"); print("read",time.time()-t)
t=time.time(); g.pedigree; print("ped", time.time()-t)
t=time.time(); k=kin_of(g); print("kin", time.time()-t)
ids=list(k.pedigree.sexes)
rng=random.Random(1)
pr=cProfile.Profile(); pr.enable()
for i in range(60):
    a,b=rng.sample(ids,2); ties(k,a,b)
pr.disable(); pstats.Stats(pr).sort_stats("tottime").print_stats(12)
