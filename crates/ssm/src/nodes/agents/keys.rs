//! The keys with which agents sign: RSA, under the name of SigV4. The access key of such a request is the id of the node, its signature base64.
//! <https://github.com/aws/amazon-ssm-agent>, `agent/managedInstances/auth` and `agent/ssm/rsaauth`.

use crate::Ssm;
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_aws::{Caller, Identity, Scope};
use cloudlet_engine::{MachineKey, MachineKeys};
use std::sync::Arc;

/// Characters of a key. <https://github.com/aws/amazon-ssm-agent>: `min:"392"` of the model there.
const LENGTHS: std::ops::RangeInclusive<usize> = 392..=2_048;

/// Whether a text is a public key as agents send it: base64 of the DER of a SubjectPublicKeyInfo with an RSA key of at least 2,048 bits.
pub fn is_public_key(text: &str) -> bool {
    LENGTHS.contains(&text.len()) && STANDARD.decode(text).is_ok_and(|der| UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, der).parse().is_ok())
}

/// The node as a caller. It has no policies: it may do what asks for no permission, and that is to get the keys of its role.
fn machine(scope: &Scope, id: &str) -> Caller {
    let arn = crate::nodes::managed_arn(scope, id);
    Caller {
        account: Some(scope.account),
        identity: Identity::FederatedUser { name: id.into() },
        arn: arn.as_str().into(),
        unique_id: id.into(),
        access_key: None,
    }
}

/// The id of the node that a caller is, if it signed with the key of one.
pub fn machine_of(caller: &Caller) -> Option<&str> {
    match &caller.identity {
        Identity::FederatedUser { name } if *caller.unique_id == **name && name.starts_with("mi-") => Some(name),
        _ => None,
    }
}

impl MachineKeys for Ssm {
    fn find(&self, id: &str) -> Option<MachineKey> {
        if !id.starts_with("mi-") {
            return None;
        }
        let (scope, row) = self.nodes.registered(id)?;
        let key = STANDARD.decode(row.public_key.as_deref()?).ok()?;
        let signs = move |text: &[u8], signature: &str| {
            let signature = STANDARD.decode(signature);
            signature.is_ok_and(|signature| UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &key).verify(text, &signature).is_ok())
        };
        Some(MachineKey { caller: machine(&scope, id), signs: Arc::new(signs) })
    }
}
