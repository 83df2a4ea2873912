//! MFA devices, and the one-time codes of virtual ones: TOTP with SHA-1, six digits, thirty seconds.
//! <https://www.rfc-editor.org/rfc/rfc6238>

use crate::{Secret, Tags};
use aws_lc_rs::hmac;
use cloudlet_aws::{Account, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MfaDevice {
    pub account: Account,
    pub name: String,
    pub path: String,
    /// In base32, as authenticator apps take it.
    pub seed: Secret,
    pub created: Timestamp,
    pub tags: Tags,
    /// The user or root for whom it is enabled.
    pub owner: Option<MfaOwner>,
    /// How far the clock of the device is off, in steps of thirty seconds.
    pub drift: i64,
    /// The step of the last accepted code: a code works once.
    pub last_step: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaOwner {
    /// `None` is root.
    pub user: Option<String>,
    pub enabled: Timestamp,
}

const STEP_SECONDS: i64 = 30;
/// The steps around now that enabling and resynchronizing search; using a code searches one step around the known drift.
const SEARCH_STEPS: i64 = 20;

impl MfaDevice {
    /// Accepts two consecutive codes, from which the drift follows.
    pub fn synchronize(&mut self, now: Timestamp, first: &str, second: &str) -> bool {
        let step = now.secs().div_euclid(STEP_SECONDS);
        let found = (-SEARCH_STEPS..=SEARCH_STEPS)
            .map(|drift| step + drift)
            .find(|step| self.code(*step).as_deref() == Some(first) && self.code(step + 1).as_deref() == Some(second));
        if let Some(at) = found {
            self.drift = (at + 1 - step).clamp(-SEARCH_STEPS, SEARCH_STEPS);
            self.last_step = at + 1;
        }
        found.is_some()
    }

    /// Accepts one code, once.
    pub fn accept(&mut self, now: Timestamp, code: &str) -> bool {
        let step = now.secs().div_euclid(STEP_SECONDS);
        // The device may have corrected its clock since it was synchronized.
        let found = [0, self.drift]
            .into_iter()
            .flat_map(|drift| (-1..=1).map(move |near| step + drift + near))
            .find(|step| *step > self.last_step && self.code(*step).as_deref() == Some(code));
        if let Some(at) = found {
            self.last_step = at;
        }
        found.is_some()
    }

    /// The code of a step of thirty seconds since 1970.
    pub fn code(&self, step: i64) -> Option<String> {
        totp(&unbase32(self.seed.reveal())?, step)
    }
}

fn totp(key: &[u8], step: i64) -> Option<String> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last()? & 15);
    let four: [u8; 4] = tag.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

fn unbase32(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::with_capacity(text.len() * 5 / 8));
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> MfaDevice {
        MfaDevice {
            account: Account::default(),
            name: "phone".into(),
            path: "/".into(),
            seed: Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            created: Timestamp(0),
            tags: vec![],
            owner: None,
            drift: 0,
            last_step: i64::MIN,
        }
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of its eight digits.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(device().code(seconds / 30).unwrap(), code);
        }
    }

    #[test]
    fn two_consecutive_codes_enable_a_device_and_a_code_works_once() {
        let mut device = device();
        let now = Timestamp::from_secs(1_111_111_111);
        let step = now.secs() / 30;
        let (one, two) = (device.code(step - 1).unwrap(), device.code(step).unwrap());
        assert!(!device.synchronize(now, &two, &one));
        assert!(device.synchronize(now, &one, &two));
        assert!(!device.accept(now, &two), "used for enabling");
        let later = now.plus_secs(30);
        let three = device.code(step + 1).unwrap();
        assert!(device.accept(later, &three) && !device.accept(later, &three));
    }
}
