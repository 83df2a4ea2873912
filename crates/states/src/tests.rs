mod activities;
mod fixture;
mod map_runs;
mod restart;
mod single_states;
mod tasks;
