import time, random
from tapehead.knowledge.kinship.index import Kin
from tapehead.knowledge.kinship.ties import ties
from tapehead.knowledge.kinship.relatives import relatives
from tapehead.knowledge.kinship.grammar import understand
from tapehead.knowledge.pedigree import *
rng=random.Random(0)
N=100_000
G=20; per=N//G
people=[f"p{i}" for i in range(N)]
sexes={p:"mf"[i%2] for i,p in enumerate(people)}
unions=[]
for g in range(G-1):
    gen=people[g*per:(g+1)*per]; nxt=people[(g+1)*per:(g+2)*per]
    men=gen[0::2]; women=gen[1::2]
    fam=[[] for _ in men]
    for c in nxt: fam[min(len(men)-1,max(0,int(rng.gauss(people.index(c) if 0 else (int(c[1:])%per)/2, 60))))].append(c)
    for i,(m,w) in enumerate(zip(men,women)): unions.append(Union(f"F{g}_{i}",(m,w),tuple(fam[i])))
order={}
for u in unions:
    for p in u.partners: order.setdefault(p,[]).append(u)
ped=Pedigree.of_unions(sexes,dict.fromkeys(people),unions,lambda *_:"birth",order)
t=time.process_time(); k=Kin(ped); print("kin",time.process_time()-t)
ts=[]
for _ in range(40):
    a,b=rng.sample(people,2); t=time.process_time(); r=ties(k,a,b); ts.append(time.process_time()-t)
print("ties worst",max(ts),"median",sorted(ts)[20])
p=people[-per-5]
for w in ["ancestors","descendants","third cousins","fifth cousins","double first cousins","step-uncles"]:
    t=time.process_time(); r=relatives(k,people[N//2],(understand(w),)); print(w,len(r),time.process_time()-t)
import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e6,"GB")
