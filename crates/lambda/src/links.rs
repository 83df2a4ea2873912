//! The links under which GetFunction and GetLayerVersion give code to whoever has the link. AWS: they are good for ten minutes.

use crate::Lambda;
use bytes::Bytes;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, PublicFile, PublicFiles};
use cloudlet_store::Blob;
use parking_lot::Mutex;
use std::collections::VecDeque;

const PATH: &str = "/_aws/lambda/code/";
const SECONDS: i64 = 600;
/// Bytes of code that links hold at most; the oldest go first.
const MOST: usize = 256 << 20;

#[derive(Default)]
pub struct Links(Mutex<VecDeque<Link>>);

struct Link {
    token: String,
    code: Bytes,
    until: Timestamp,
}

impl Links {
    fn add(&self, link: Link, now: Timestamp) {
        let mut links = self.0.lock();
        links.retain(|link| link.until > now);
        links.push_back(link);
        while links.len() > 1 && links.iter().map(|link| link.code.len()).sum::<usize>() > MOST {
            links.pop_front();
        }
    }
}

impl Lambda {
    pub async fn link(&self, cx: &Cx, code: &Blob) -> Result<String, Fault> {
        let token: String = cx.ids().secret_bytes::<24>().iter().map(|byte| format!("{byte:02x}")).collect();
        let link = Link { token: token.clone(), code: self.read_code(code).await?, until: cx.now.plus_secs(SECONDS) };
        self.links.add(link, cx.now);
        Ok(format!("{}{PATH}{token}", cx.endpoint()))
    }
}

impl PublicFiles for Lambda {
    fn paths(&self) -> Vec<String> {
        vec![format!("{PATH}{{token}}")]
    }

    fn public_file(&self, path: &str) -> Option<PublicFile> {
        let token = path.strip_prefix(PATH)?;
        let links = self.links.0.lock();
        let link = links.iter().find(|link| link.token == token)?;
        Some(PublicFile { content_type: "application/zip", body: link.code.clone() })
    }
}
