mod fixture;
mod functions;
mod layers;
mod policies;
mod restart;
mod versions;

pub use fixture::zip_of;
