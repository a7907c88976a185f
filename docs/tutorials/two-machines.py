# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Train on two machines
#
# Several processes train together by `torchrun`: each draws its own episodes, gradients are averaged, and all end with the same weights. On
# one machine or on two it is the same command.
#
# You need `pip install '.[train]'` in a checkout on both ([more](index.md)).
#
# ## When it pays
#
# An update of a small machine takes milliseconds, and exchanging the gradients takes about half of one over a fast link. It pays when
# a process has enough to compute in an update: large batches of the graph tasks, not `ntm-copy`. First use the cores of one machine: the
# engine splits a batch over threads (`OMP_NUM_THREADS`).
#
# Measured on the two cores of one AMD EPYC (`python -m benchmarks.processes`), 16 sequences an update, against one process of one thread:
#
# | sequences a second | 1 process, 1 thread | 1 process, 2 threads | 2 processes, 1 thread each |
# |---|---|---|---|
# | `ntm-copy` | 5,121 | 8,981 (× 1.75) | 3,584 (× 0.70) |
# | `dnc-traversal`, first lesson | 824 | 1,039 (× 1.26) | 953 (× 1.16) |
#
# ## Two processes on this machine
#
# This runs when the page is built. Two processes of one thread each train a small preset for a moment:

# %%
import os
import shutil
import subprocess
import sys

shutil.rmtree("both", ignore_errors=True)
command = [
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
    "-m", "tapehead", "train", "ntm-ff-copy", "--out", "both",
    "--sequences", "400", "--validate-every", "200", "--task.max-length", "5",
]  # fmt: skip
result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
print("\n".join(line for line in result.stdout.splitlines() if "bits per sequence" in line))
assert result.returncode == 0, result.stderr

# %% [markdown]
# ## The same over two machines
#
# Choose one as the first. Both need the same tapehead, the same PyTorch, and a port that the first machine opens to the second. The run's
# folder is written by the first.
#
# On the first (its address is 10.0.0.1 here):
#
# ```text
# torchrun --nnodes 2 --node-rank 0 --nproc-per-node 4 \
#     --master-addr 10.0.0.1 --master-port 29500 \
#     -m tapehead train dnc-traversal --out runs/both
# ```
#
# On the second:
#
# ```text
# torchrun --nnodes 2 --node-rank 1 --nproc-per-node 4 \
#     --master-addr 10.0.0.1 --master-port 29500 \
#     -m tapehead train dnc-traversal --out runs/both
# ```
#
# - `--batch-size` is that of *each* process: eight processes with a batch of 4 make updates of 32.
# - `--sequences` counts those of all processes together.
# - Set `OMP_NUM_THREADS` to the cores of a machine divided by its processes.
# - If the second does not find the first, name the network card: `GLOO_SOCKET_IFNAME=eth0` (`ip address` lists them).
# - Ctrl-C on the first saves and ends both. `tapehead train --resume runs/both` under the same two `torchrun` commands goes on exactly,
#   with the same number of processes; the second machine needs the folder then (`rsync`, or a shared disk).
#
# ## In your own loop
#
# A machine is an `nn.Module`: wrap it in `DistributedDataParallel` and call the wrapper.

# %%
script = """
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import tapehead
from tapehead import tasks

dist.init_process_group("gloo")
torch.manual_seed(0)
task = tasks.get("copy", max_length=5)
machine = tapehead.DNC(task.input_size, 32, output_size=task.output_size, memory_size=16, word_size=8)
parallel = DistributedDataParallel(machine)
optimizer = torch.optim.Adam(machine.parameters(), lr=1e-3)
sampler = tasks.Sampler(batch_size=4, seed=0, rank=dist.get_rank())
for _ in range(5):
    batch = sampler.draw(task)
    outputs, _ = parallel(batch.inputs, lengths=batch.lengths)
    optimizer.zero_grad()
    task.loss(outputs, batch).mean().backward()
    optimizer.step()
total = sum(float(p.detach().sum()) for p in machine.parameters())
every = [torch.zeros(1, dtype=torch.float64) for _ in range(dist.get_world_size())]
dist.all_gather(every, torch.tensor([total], dtype=torch.float64))
if dist.get_rank() == 0:
    print("all processes hold the same weights:", all(torch.equal(every[0], other) for other in every))
dist.destroy_process_group()
"""
with open("parallel.py", "w") as file:
    file.write(script)
result = subprocess.run(
    [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "parallel.py"],
    capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
)  # fmt: skip
print(result.stdout)
assert "True" in result.stdout, result.stderr

# %% [markdown]
# `Sampler(…, rank=…)` gives each process a stream of its own from one seed.
