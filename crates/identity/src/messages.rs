//! Authorization messages: JSON that a client carries to `sts:DecodeAuthorizationMessage` and cannot read by itself.
//! Sealed with a key of this build, not of this server: what is inside is the caller's own request, and a restart must not spoil it.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_engine::Ids;

const KEY: &[u8; 16] = b"cloudlet-refusal";

fn key() -> Option<LessSafeKey> {
    UnboundKey::new(&AES_128_GCM, KEY).ok().map(LessSafeKey::new)
}

pub fn seal(ids: &Ids, text: &str) -> String {
    let nonce: [u8; NONCE_LEN] = ids.bytes();
    let mut sealed = text.as_bytes().to_vec();
    let done = key().and_then(|key| key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).ok());
    if done.is_none() {
        return String::new();
    }
    let mut whole = nonce.to_vec();
    whole.append(&mut sealed);
    URL_SAFE_NO_PAD.encode(whole)
}

/// What a message says, if it is one of ours.
pub fn open(message: &str) -> Option<String> {
    let mut bytes = URL_SAFE_NO_PAD.decode(message).ok()?;
    let nonce: [u8; NONCE_LEN] = bytes.get(..NONCE_LEN)?.try_into().ok()?;
    let sealed = bytes.get_mut(NONCE_LEN..)?;
    let text = key()?.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), sealed).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_opaque_and_comes_back_whole() {
        let sealed = seal(&Ids::seeded(1), r#"{"allowed":false}"#);
        assert!(!sealed.contains("allowed"));
        assert_eq!(open(&sealed).as_deref(), Some(r#"{"allowed":false}"#));
        assert_eq!(open(&sealed.replace('A', "B")).filter(|_| sealed.contains('A')), None);
        assert_eq!(open("garbage"), None);
    }
}
