//! Encrypted sessions: the client makes a data key, and the node has KMS decrypt it.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-preferences-enable-encryption.html>

use super::live::LiveSession;
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_api_kms::{Decrypt, DecryptRequest};
use cloudlet_engine::{Cx, Origin};
use cloudlet_session_channel::{Cipher, KmsResult};
use cloudlet_shape::Map;

/// A context for calls of the node, outside of any call of a client.
pub fn context(live: &LiveSession) -> Cx {
    let id = live.runtime.ids.uuid();
    Cx::new(live.runtime.clone(), live.key.0.clone(), live.role.clone(), id.into(), Origin::default())
}

pub async fn cipher(live: &LiveSession, result: &KmsResult, challenge: &str) -> Result<Cipher, String> {
    let sealed = STANDARD.decode(&result.ciphertext_key).map_err(|_| "Fetching data key failed: it is not base64".to_owned())?;
    let mut encryption_context: Map<String> = Map::default();
    encryption_context.insert("aws:ssm:SessionId".to_owned(), live.key.1.to_string());
    encryption_context.insert("aws:ssm:TargetId".to_owned(), live.plan.target.to_string());
    if result.challenge_acknowledged {
        encryption_context.insert("aws:ssm:RandomChallenge".to_owned(), challenge.to_owned());
    }
    let input = DecryptRequest {
        ciphertext_blob: Some(sealed.into()),
        encryption_context: Some(encryption_context),
        key_id: live.plan.kms_key().map(str::to_owned),
        ..DecryptRequest::default()
    };
    let cx = context(live);
    let opened = cx.call::<Decrypt>(live.role.clone(), live.key.0.clone(), input).await;
    let opened = opened.map_err(|fault| format!("Fetching data key failed: Unable to retrieve data key, {}: {}", fault.name(), fault.message()))?;
    let plaintext = opened.plaintext.unwrap_or_default();
    Cipher::of_agent(&plaintext, live.runtime.ids.secret_bytes()).ok_or_else(|| "Fetching data key failed: it is not of 64 bytes".to_owned())
}
