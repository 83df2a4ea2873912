//! Encrypted sessions: AES-256-GCM under a data key of 64 bytes, of which each side encrypts with one half. The nonce comes before the text.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;

const NONCE: usize = 12;
const TAG: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDecrypted;

/// The keys of one side.
pub struct Cipher {
    own: LessSafeKey,
    theirs: LessSafeKey,
    /// Nonces are counted up from a random one, so that none comes twice.
    next: u128,
}

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

impl Cipher {
    /// Of the machine's side. `None`: the data key is not of 64 bytes.
    pub fn of_agent(data_key: &[u8], first_nonce: [u8; NONCE]) -> Option<Cipher> {
        let (agent, client) = data_key.split_at_checked(32).filter(|(_, client)| client.len() == 32)?;
        Some(Cipher { own: key(agent)?, theirs: key(client)?, next: number(first_nonce) })
    }

    pub fn of_client(data_key: &[u8], first_nonce: [u8; NONCE]) -> Option<Cipher> {
        let (agent, client) = data_key.split_at_checked(32).filter(|(_, client)| client.len() == 32)?;
        Some(Cipher { own: key(client)?, theirs: key(agent)?, next: number(first_nonce) })
    }

    pub fn encrypt(&mut self, text: &[u8]) -> Bytes {
        let nonce: [u8; NONCE] = self.next.to_be_bytes().last_chunk().copied().unwrap_or_default();
        self.next = self.next.wrapping_add(1);
        let mut sealed = text.to_vec();
        let _ = self.own.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed);
        let mut all = Vec::with_capacity(NONCE + sealed.len());
        all.extend(nonce);
        all.extend(sealed);
        all.into()
    }

    pub fn decrypt(&self, sealed: &[u8]) -> Result<Bytes, NotDecrypted> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().filter(|(_, text)| text.len() >= TAG).ok_or(NotDecrypted)?;
        let mut text = text.to_vec();
        let length = self.theirs.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text).map_err(|_| NotDecrypted)?.len();
        text.truncate(length);
        Ok(text.into())
    }
}

fn number(nonce: [u8; NONCE]) -> u128 {
    nonce.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[test]
fn each_side_reads_the_other_and_not_itself() {
    let data_key: Vec<u8> = (0..64).collect();
    let mut agent = Cipher::of_agent(&data_key, [255; 12]).unwrap();
    let mut client = Cipher::of_client(&data_key, [0; 12]).unwrap();
    let (one, two) = (agent.encrypt(b"output"), agent.encrypt(b"output"));
    assert_ne!(one, two);
    assert_eq!(client.decrypt(&one).unwrap(), "output");
    assert_eq!(agent.decrypt(&client.encrypt(b"")).unwrap(), "");
    assert_eq!(agent.decrypt(&one), Err(NotDecrypted));
    for length in 0..one.len() {
        assert_eq!(client.decrypt(&one[..length]), Err(NotDecrypted));
    }
    assert!(Cipher::of_agent(&data_key[..63], [0; 12]).is_none());
}
