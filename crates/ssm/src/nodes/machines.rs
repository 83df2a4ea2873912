//! The machines that nodes are.

use super::{ManagedNode, Nodes};
use cloudlet_engine::{Boxed, LocalHttp, LocalRequest, LocalResponse, Node, NodeOrder};
use std::sync::Arc;

const MEMORY: u64 = 1 << 30;
const FILE_SIZE: u64 = 1 << 30;
/// As the root volume of Amazon Linux.
const DISK: u64 = 8 << 30;

struct Silent;

impl LocalHttp for Silent {
    fn answer(&self, _: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async { LocalResponse { status: 404, ..LocalResponse::default() } })
    }
}

impl Nodes {
    /// The machine of a node. `server` is the server's own address.
    pub fn machine(&self, node: &ManagedNode, server: &str) -> Arc<dyn Node> {
        let order = NodeOrder {
            root: self.options.root.clone(),
            hostname: node.computer_name.clone(),
            memory: MEMORY,
            file_size: FILE_SIZE,
            disk: DISK,
            http: Arc::new(Silent),
            server: server.to_owned(),
        };
        self.workers.node(&node.id, order)
    }
}
