-- Accuracy is judged by a sequential test: what it knows of each (device, model, version).
alter table latency_baselines
  add column falls text not null default '[]';         -- [[...]]: one list of numbers, server/alerts/window_memory.cpp
