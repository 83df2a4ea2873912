mod activities;
mod execution_logs;
mod fixture;
mod map_runs;
mod restart;
mod single_states;
mod tasks;
