//! Encoded authorization messages: encrypted JSON that `sts:DecodeAuthorizationMessage` decodes.
//! The key is the same in every build: the content is the caller's own request, and messages stay valid over a restart.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_engine::Ids;

const KEY: &[u8; 16] = b"cloudlet-refusal";

fn key() -> Option<LessSafeKey> {
    UnboundKey::new(&AES_128_GCM, KEY).ok().map(LessSafeKey::new)
}

pub fn encode(ids: &Ids, text: &str) -> String {
    let nonce: [u8; NONCE_LEN] = ids.bytes();
    let mut encrypted = text.as_bytes().to_vec();
    let done = key().and_then(|key| key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut encrypted).ok());
    if done.is_none() {
        return String::new();
    }
    let mut whole = nonce.to_vec();
    whole.append(&mut encrypted);
    URL_SAFE_NO_PAD.encode(whole)
}

/// The content of a message, if `encode` made it.
pub fn decode(message: &str) -> Option<String> {
    let mut bytes = URL_SAFE_NO_PAD.decode(message).ok()?;
    let nonce: [u8; NONCE_LEN] = bytes.get(..NONCE_LEN)?.try_into().ok()?;
    let encrypted = bytes.get_mut(NONCE_LEN..)?;
    let text = key()?.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), encrypted).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_opaque_and_comes_back_whole() {
        let encrypted = encode(&Ids::seeded(1), r#"{"allowed":false}"#);
        assert!(!encrypted.contains("allowed"));
        assert_eq!(decode(&encrypted).as_deref(), Some(r#"{"allowed":false}"#));
        assert_eq!(decode(&encrypted.replace('A', "B")).filter(|_| encrypted.contains('A')), None);
        assert_eq!(decode("garbage"), None);
    }
}
