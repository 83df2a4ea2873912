//! `/_cloudlet/*`: health, services, state, calls, agenda, clock, decisions, reset. Generic: no code per service.
//! `/_localstack/health` answers as LocalStack does, for tools that wait for it.

mod decisions;
mod mailbox;
mod routes;

pub use routes::AdminRoutes;
