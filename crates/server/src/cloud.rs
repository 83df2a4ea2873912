//! Which services stand in the house.

use crate::configuration::Configuration;
use cloudlet_cloud::{Cloud, Settings};
use cloudlet_engine::{Clock, Frame, Ids, Service};
use cloudlet_identity::{Identity, Root, Secret};
use std::sync::Arc;

pub fn build(configuration: &Configuration) -> Result<Arc<Cloud>, String> {
    let ids = configuration.seed.map_or_else(Ids::random, Ids::seeded);
    let identity = Identity::new(Root {
        account: configuration.account,
        partition: configuration.region.partition(),
        access_key: configuration.root_access_key.as_str().into(),
        secret: Secret::new(configuration.root_secret_key.clone()),
    });
    let settings = Settings { mode: configuration.mode, calls: configuration.call_log, ..Settings::default() };
    Ok(Cloud::new(Frame::new(Clock::ticking(), ids), identity, services(configuration)?, settings))
}

fn services(configuration: &Configuration) -> Result<Vec<Service>, String> {
    Ok(vec![cloudlet_sts::service()])
}
