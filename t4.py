import sys
from tapehead import knowledge
from tapehead.knowledge.ask_family import needs_network
from tests.knowledge import scripted
f=sys.argv[1]
g=knowledge.read(f if "/" in f or f=="family" else "/work/shared/cases/"+f)
for q in sys.argv[2:]:
    try: print(knowledge.ask(g,q,model=scripted.kin()))
    except Exception as e: print(type(e).__name__, e)
    print()
