mod access;
mod events;
mod fixture;
mod groups;
mod live_tail;
mod others;
mod restart;
