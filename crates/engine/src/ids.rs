//! The only source of ids and randomness: AWS's formats, from the operating system or, on request, from a seed.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use cloudlet_aws::Account;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Where ids, tokens and key material come from.
#[derive(Default)]
pub struct Ids {
    seeded: Option<Mutex<StdRng>>,
}

impl Ids {
    /// Unpredictable ones.
    pub fn random() -> Ids {
        Ids::default()
    }

    /// The same ids in the same order on every run.
    pub fn seeded(seed: u64) -> Ids {
        Ids { seeded: Some(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// From a seed, others than those of earlier starts: `start` counts the starts with the same state, from 1.
    pub fn seeded_at_start(seed: u64, start: u32) -> Ids {
        let ids = Ids::seeded(seed);
        (1..start).for_each(|_| ids.diverge());
        ids
    }

    /// With a seed, leaves the ids that another run may have made already: a snapshot of it was loaded.
    pub fn diverge(&self) {
        if let Some(rng) = &self.seeded {
            let mut rng = rng.lock();
            // Forked: a generator of its own, which the old one seeds.
            *rng = StdRng::from_rng(&mut *rng);
        }
    }

    /// Fills with bytes that need not be secret: ids.
    #[expect(clippy::disallowed_methods, reason = "this is the source of randomness")]
    pub fn fill(&self, out: &mut [u8]) {
        match &self.seeded {
            Some(rng) => rng.lock().fill_bytes(out),
            None => rand::rng().fill_bytes(out),
        }
    }

    /// Fills with key material: from the operating system unless seeded.
    pub fn fill_secret(&self, out: &mut [u8]) {
        if self.seeded.is_some() || SystemRandom::new().fill(out).is_err() {
            self.fill(out);
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// Key material.
    pub fn secret_bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill_secret(&mut out);
        out
    }

    pub fn number(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A version 4 UUID: `d9428888-122b-11e1-b85c-61cd3cbb3210`.
    pub fn uuid(&self) -> String {
        uuid_text(self.uuid_bytes())
    }

    /// The same as it is before it is written.
    pub fn uuid_bytes(&self) -> [u8; 16] {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().into_bytes()
    }

    /// Lower-case hexadecimal digits: the tail of `sg-0123456789abcdef0`.
    pub fn hex(&self, digits: usize) -> String {
        self.from(HEX, digits)
    }

    /// Capital letters and the digits 2 to 7: the tail of `AIDA…`, `AKIA…`; S3's 16-letter request ids look alike.
    pub fn base32(&self, length: usize) -> String {
        self.from(BASE32, length)
    }

    /// Letters and digits.
    pub fn alphanumeric(&self, length: usize) -> String {
        self.from(ALPHANUMERIC, length)
    }

    fn from<const N: usize>(&self, alphabet: &[u8; N], count: usize) -> String {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        // Slightly uneven where the alphabet's size is no power of two: no harm for an id.
        for byte in &mut bytes {
            *byte = alphabet.get(usize::from(*byte) * N / 256).copied().unwrap_or(b'0');
        }
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// A fresh access key id: the prefix (`AKIA`, `ASIA`), then 16 letters that carry the account.
    /// <https://awsteele.com/blog/2020/09/26/aws-access-key-format.html>
    pub fn access_key(&self, prefix: &str, account: Account) -> String {
        let number: u64 = account.as_str().parse().unwrap_or_default();
        // 80 bits: 48 that hold the account above 7 random ones (the top bit is set), then 32 random ones.
        let random = u128::from(self.number());
        let head = 1 << 47 | u128::from(number) << 7 | random & 0x7f;
        let bits = head << 32 | (random >> 7) & 0xffff_ffff;
        let mut id = String::with_capacity(prefix.len() + 16);
        id.push_str(prefix);
        for place in (0..16u32).rev() {
            let five = usize::try_from(bits >> (place * 5) & 31).unwrap_or_default();
            id.extend(BASE32.get(five).map(|letter| char::from(*letter)));
        }
        id
    }

    /// 40 characters of secret, as AWS makes them.
    pub fn secret_key(&self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = [0; 40];
        self.fill_secret(&mut bytes);
        bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63))).map(|letter| char::from(*letter)).collect()
    }
}

/// A UUID as AWS writes it: small letters, with dashes.
pub fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = uuid::Uuid::encode_buffer();
    uuid::Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut text).to_owned()
}

/// The account that an access key id carries, if it has the form of one.
pub fn account_of_access_key(id: &str) -> Option<Account> {
    let tail = id.get(4..).filter(|tail| tail.len() == 16)?;
    let bits = tail.bytes().try_fold(0u128, |bits, letter| {
        let value = BASE32.iter().position(|known| *known == letter)?;
        Some(bits << 5 | u128::try_from(value).ok()?)
    })?;
    let number = (bits >> 32 & 0x7fff_ffff_ff80) >> 7;
    Account::parse(&format!("{number:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_carries_its_account() {
        let ids = Ids::random();
        for account in ["000000000000", "123456789012", "999999999999"] {
            let account = Account::parse(account).unwrap();
            let id = ids.access_key("AKIA", account);
            assert_eq!(id.len(), 20);
            assert_eq!(account_of_access_key(&id), Some(account));
        }
        // A published example: https://awsteele.com/blog/2020/09/26/aws-access-key-format.html
        assert_eq!(account_of_access_key("ASIAY34FZKBOKMUTVV7A").unwrap().as_str(), "609629065308");
        assert_eq!(account_of_access_key("AKIA"), None);
    }

    #[test]
    fn a_seed_makes_the_same_ids_again() {
        let (one, two) = (Ids::seeded(7), Ids::seeded(7));
        assert_eq!((one.uuid(), one.hex(17), one.secret_key()), (two.uuid(), two.hex(17), two.secret_key()));
        assert_ne!(Ids::random().uuid(), Ids::random().uuid());
    }
}
