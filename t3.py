import time,random,cProfile,pstats
from tapehead.knowledge import read
from tapehead.knowledge.kinship.index import kin_of, Kin
from tapehead.knowledge.kinship.ties import ties
g=read("/work/shared/data/gedcom/royal92.ged"); g.pedigree
pr=cProfile.Profile(); pr.enable()
k=kin_of(g)
pr.disable(); pstats.Stats(pr).sort_stats("cumtime").print_stats(8)
ids=list(k.pedigree.sexes)
rng=random.Random(1)
ts=[]
for i in range(300):
    a,b=rng.sample(ids,2); t=time.process_time(); ties(k,a,b); ts.append((time.process_time()-t,a,b))
print(sorted(ts)[-4:])
_,a,b=max(ts)
k=Kin(g.pedigree)
pr=cProfile.Profile(); pr.enable()
ties(k,a,b)
pr.disable(); pstats.Stats(pr).sort_stats("cumtime").print_stats(12)
