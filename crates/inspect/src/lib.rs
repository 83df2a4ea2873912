//! /_cloudlet/*: health, state, calls, agenda, clock, reset: generic, no code per service.
