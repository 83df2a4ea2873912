//! Messages of the AWS Encryption SDK, in which the values of advanced parameters rest: a data key from KMS, and the value encrypted with a key
//! that is derived from it. Format 1, suite `AES_256_GCM_IV12_TAG16_HKDF_SHA256`, one block. Any client of the SDK opens them.
//! <https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html>

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

const VERSION_AND_TYPE: [u8; 2] = [0x01, 0x80];
const SUITE: [u8; 2] = [0x01, 0x78];
const MESSAGE_ID_BYTES: usize = 16;
const PROVIDER: &[u8] = b"aws-kms";
const ONE_BLOCK: u8 = 1;
const RESERVED: [u8; 4] = [0; 4];
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// The key of a message is used twice, with these.
const HEADER_IV: [u8; IV_BYTES] = [0; IV_BYTES];
const BODY_IV: [u8; IV_BYTES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const BLOCK_LABEL: &[u8] = b"AWSKMSEncryptionClient Single Block";
const SEQUENCE_NUMBER: [u8; 4] = [0, 0, 0, 1];

/// What a message is made with.
pub struct Envelope<'a> {
    pub message_id: [u8; MESSAGE_ID_BYTES],
    /// The encryption context has one pair.
    pub context: (&'a str, &'a str),
    pub key_arn: &'a str,
    /// As KMS gave it.
    pub data_key: &'a [u8],
    pub encrypted_data_key: &'a [u8],
}

struct MessageKey;

impl KeyType for MessageKey {
    fn len(&self) -> usize {
        32
    }
}

fn message_key(data_key: &[u8], message_id: &[u8]) -> Option<LessSafeKey> {
    let mut key = [0; 32];
    let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(data_key);
    pseudorandom.expand(&[&SUITE, message_id], MessageKey).ok()?.fill(&mut key).ok()?;
    UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new)
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend(bytes);
    Some(())
}

/// None: a part is too long for the format.
pub fn seal(envelope: &Envelope<'_>, plaintext: &[u8]) -> Option<Vec<u8>> {
    let mut context = vec![0, 1];
    put(&mut context, envelope.context.0.as_bytes())?;
    put(&mut context, envelope.context.1.as_bytes())?;
    let mut out = Vec::new();
    out.extend(VERSION_AND_TYPE);
    out.extend(SUITE);
    out.extend(envelope.message_id);
    put(&mut out, &context)?;
    out.extend([0, 1]);
    for part in [PROVIDER, envelope.key_arn.as_bytes(), envelope.encrypted_data_key] {
        put(&mut out, part)?;
    }
    out.push(ONE_BLOCK);
    out.extend(RESERVED);
    out.push(u8::try_from(IV_BYTES).ok()?);
    out.extend([0; 4]);
    let key = message_key(envelope.data_key, &envelope.message_id)?;
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(HEADER_IV), Aad::from(out.as_slice()), &mut []).ok()?;
    out.extend(HEADER_IV);
    out.extend(tag.as_ref());
    let length = u64::try_from(plaintext.len()).ok()?.to_be_bytes();
    let mut body = plaintext.to_vec();
    let aad = body_aad(&envelope.message_id, &length);
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(BODY_IV), Aad::from(aad.as_slice()), &mut body).ok()?;
    out.extend(BODY_IV);
    out.extend(length);
    out.extend(body);
    out.extend(tag.as_ref());
    Some(out)
}

fn body_aad(message_id: &[u8], length: &[u8]) -> Vec<u8> {
    [message_id, BLOCK_LABEL, &SEQUENCE_NUMBER, length].concat()
}

/// A message as it can be read without its data key.
#[derive(Debug)]
pub struct Message<'a> {
    pub encrypted_data_key: &'a [u8],
    message_id: &'a [u8],
    /// Up to its authentication.
    header: &'a [u8],
    header_iv: &'a [u8; IV_BYTES],
    header_tag: &'a [u8],
    body_iv: &'a [u8; IV_BYTES],
    length: &'a [u8],
    /// With its tag.
    body: &'a [u8],
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(*self.array()?);
        self.take(length.into())
    }

    fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        (self.take(bytes.len())? == bytes).then_some(())
    }
}

impl<'a> Message<'a> {
    /// None: it is no message of this kind.
    pub fn parse(message: &'a [u8]) -> Option<Message<'a>> {
        let mut bytes = Bytes(message);
        bytes.expect(&VERSION_AND_TYPE)?;
        bytes.expect(&SUITE)?;
        let message_id = bytes.take(MESSAGE_ID_BYTES)?;
        bytes.sized()?;
        bytes.expect(&[0, 1])?;
        (bytes.sized()? == PROVIDER).then_some(())?;
        bytes.sized()?;
        let encrypted_data_key = bytes.sized()?;
        bytes.expect(&[ONE_BLOCK])?;
        bytes.expect(&RESERVED)?;
        bytes.expect(&[u8::try_from(IV_BYTES).ok()?, 0, 0, 0, 0])?;
        let header = message.get(..message.len().checked_sub(bytes.0.len())?)?;
        let header_iv = bytes.array()?;
        let header_tag = bytes.take(TAG_BYTES)?;
        let body_iv = bytes.array()?;
        let length = bytes.take(8)?;
        let body = bytes.0;
        let declared = usize::try_from(u64::from_be_bytes(length.try_into().ok()?)).ok()?;
        (declared.checked_add(TAG_BYTES)? == body.len()).then_some(())?;
        Some(Message { encrypted_data_key, message_id, header, header_iv, header_tag, body_iv, length, body })
    }

    /// None: the message was changed, or the data key is another.
    pub fn open(&self, data_key: &[u8]) -> Option<Vec<u8>> {
        let key = message_key(data_key, self.message_id)?;
        let mut tag = self.header_tag.to_vec();
        key.open_in_place(Nonce::assume_unique_for_key(*self.header_iv), Aad::from(self.header), &mut tag).ok()?;
        let mut body = self.body.to_vec();
        let aad = body_aad(self.message_id, self.length);
        let plaintext = key.open_in_place(Nonce::assume_unique_for_key(*self.body_iv), Aad::from(aad.as_slice()), &mut body).ok()?;
        let length = plaintext.len();
        body.truncate(length);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: Envelope<'static> = Envelope {
        message_id: [7; 16],
        context: ("PARAMETER_ARN", "arn:aws:ssm:us-east-1:000000000000:parameter/a"),
        key_arn: "arn:aws:kms:us-east-1:000000000000:key/k",
        data_key: &[1; 32],
        encrypted_data_key: b"sealed",
    };

    #[test]
    fn a_message_opens_with_its_data_key_alone() {
        let message = seal(&ENVELOPE, b"value").unwrap();
        let parsed = Message::parse(&message).unwrap();
        assert_eq!(parsed.encrypted_data_key, b"sealed");
        assert_eq!(parsed.open(&[1; 32]).as_deref(), Some(&b"value"[..]));
        assert_eq!(parsed.open(&[2; 32]), None);
        assert_eq!(Message::parse(&seal(&ENVELOPE, b"").unwrap()).unwrap().open(&[1; 32]).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_message_that_was_changed_or_cut_does_not_open() {
        let message = seal(&ENVELOPE, b"value").unwrap();
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(Message::parse(&changed).is_none_or(|changed| changed.open(&[1; 32]).is_none()), "byte {at}");
            assert!(Message::parse(&message[..at]).is_none(), "cut at {at}");
        }
    }
}
