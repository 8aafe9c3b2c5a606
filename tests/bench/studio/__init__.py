"""`make studio`: how long painters wait, by how many they are and how many GPUs there are. A simulation in discrete events, seeded,
over the daemon's own queue and its own choice of a hand; times of jobs from a model fitted to what was measured (docs/performance.md,
"On a GPU"). What it assumes of painters stands in `painters`, of machines in `model`; what it comes to in docs/farm.md.
"""
