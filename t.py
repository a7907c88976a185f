import time,random
from tapehead.knowledge import read
from tapehead.knowledge.kinship.index import kin_of
from tapehead.knowledge.kinship.ties import ties
from tapehead.knowledge.kinship.paths import kinship
from tapehead.knowledge.kinship.namer import chain_name
from tapehead.knowledge.kinship.relatives import relatives
from tapehead.knowledge.kinship.grammar import understand
g=read("/work/shared/data/gedcom/royal92.ged")
t=time.time(); k=kin_of(g); print("kin", time.time()-t)
ids=list(k.pedigree.sexes); n={i:str(g.entities[i]) for i in ids}
rng=random.Random(1)
worst=0
for i in range(300):
    a,b=rng.sample(ids,2)
    t=time.time(); r=ties(k,a,b); d=time.time()-t
    worst=max(worst,d)
    if i<25: print(n[a],'|',n[b],'|',[(chain_name(kinship(k,p)), p.lines) for p in r], round(d,3))
print(worst)
def find(s): return next(i for i in ids if g.entities[i].name.startswith(s))
v=find("Victoria Hanover")
alb=find("Albert Augustus")
print([(chain_name(kinship(k,p)), p.lines) for p in ties(k,v,alb)])
for w in ["uncles","aunts by blood","siblings","first cousins","nieces and nephews","ancestors","descendants","in-laws","half-sisters","step-uncles","double first cousins","second cousins once removed","oldest son","youngest children"]:
    t=time.time(); r=relatives(k,v,(understand(w),)); print(w,len(r),list((n[i],) for i in r)[:8], round(time.time()-t,3))
