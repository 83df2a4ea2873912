//! How many connections each address has, so that one client cannot keep out all others.

use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};

#[derive(Clone)]
pub struct Addresses {
    limit: u32,
    counts: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// A connection of an address, until it is dropped.
pub struct OfAddress {
    address: IpAddr,
    counts: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Addresses {
    pub fn new(limit: u32) -> Addresses {
        Addresses { limit, counts: Arc::default() }
    }

    /// One more connection; `None` if the address has as many as it may have.
    pub fn begin(&self, address: IpAddr) -> Option<OfAddress> {
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(OfAddress { address, counts: self.counts.clone() })
    }
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let (addresses, one, other) = (Addresses::new(2), IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let (first, second) = (addresses.begin(one), addresses.begin(one));
        assert!(first.is_some() && second.is_some() && addresses.begin(one).is_none() && addresses.begin(other).is_some());
        drop(first);
        assert!(addresses.begin(one).is_some());
        drop(second);
        assert!(addresses.counts.lock().is_empty());
    }
}
