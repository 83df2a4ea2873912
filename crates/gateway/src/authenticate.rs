//! Authenticate: the claim of the request, the key it names, and the signature that proves it.

use crate::body_encoding::BodyEncoding;
use bytes::Bytes;
use cloudlet_aws::{Caller, Fault, Head, Region, Timestamp};
use cloudlet_cloud::Mode;
use cloudlet_engine::{Denial, Dialect, MachineKey, MachineKeys, SignatureKind, SignatureRules, Signed};
use cloudlet_identity::{Credential, CredentialError, Identity};
use cloudlet_shape::Trailers;
use cloudlet_sigv4::{Admitted, Claim, Keys, Location, Payload, Target, Verified, chunks::Decoder, payload, read_claim, read_form_claim};

/// A caller, and what is still to be done about the body.
pub struct Authenticated {
    pub caller: Caller,
    pub region: Option<Region>,
    pub signed: Option<Signed>,
    pub encoding: BodyEncoding,
}

/// A request whose claim is read and whose key is known, but whose signature may cover the body.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made, once a request")]
pub enum Stage<'a> {
    Done(Authenticated),
    /// The body itself is signed: it must be there before the signature can be compared.
    NeedsBody(Box<Pending<'a>>),
    /// The head holds no claim; the form that the body is may hold one, of SigV2.
    NeedsForm,
}

/// Whether a claim may stand in the body, as SigV2's does for the query services.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FormClaims {
    Possible,
    None,
}

pub struct Pending<'a> {
    claim: Admitted<'a>,
    proof: Proof,
    now: Timestamp,
}

/// What a signature is compared with.
enum Proof {
    Secret(Credential),
    Machine(MachineKey),
}

impl Proof {
    fn caller(self) -> Caller {
        match self {
            Proof::Secret(credential) => credential.caller,
            Proof::Machine(key) => key.caller,
        }
    }

    fn verify(&self, claim: &Admitted<'_>, head: &Head<'_>, hash: &str, keys: &Keys) -> Result<Verified, Fault> {
        match self {
            Proof::Secret(credential) => claim.verify(head, hash, credential.secret.reveal(), keys),
            Proof::Machine(key) => claim.verify_with(head, hash, &*key.signs),
        }
    }
}

/// What authentication needs to know of the server and of the service.
pub struct Authenticator<'a> {
    pub identity: &'a Identity,
    pub keys: &'a Keys,
    pub mode: Mode,
    /// The faults of the service.
    pub dialect: &'a Dialect,
    /// Of the machines of the service.
    pub machine_keys: Option<&'a dyn MachineKeys>,
    pub target: Target<'a>,
    pub form_claims: FormClaims,
    /// The region of the server, which most claims name.
    pub home: &'a Region,
    pub now: Timestamp,
}

impl<'a> Authenticator<'a> {
    pub fn begin(&self, head: &Head<'a>) -> Result<Stage<'a>, Fault> {
        self.look(head).map_err(|fault| self.spelled(fault))
    }

    fn look(&self, head: &Head<'a>) -> Result<Stage<'a>, Fault> {
        let claim = match read_claim(head, &self.target.at(self.now)) {
            Ok(Some(claim)) => claim,
            Ok(None) if self.form_claims == FormClaims::Possible => return Ok(Stage::NeedsForm),
            Ok(None) => return self.unsigned(head, Caller::anonymous(), None),
            Err(_) if self.mode == Mode::Off => return self.unsigned(head, self.identity.unchecked(""), None),
            Err(fault) => return Err(fault),
        };
        if self.mode == Mode::Off {
            return self.unsigned(head, self.unchecked(&claim), Some(&claim));
        }
        let (admitted, proof) = match self.known(head, &claim) {
            Ok(known) => known,
            Err(fault) => return self.tolerate(head, &claim, fault),
        };
        let declared = Payload::of(head, Some(&claim), self.target.flavor)?;
        if declared == Payload::Body {
            return Ok(Stage::NeedsBody(Box::new(Pending { claim: admitted, proof, now: self.now })));
        }
        let marker = declared.marker();
        let hash = declared.canonical(|| payload::sha256(b""));
        let verified = match proof.verify(&admitted, head, &hash, self.keys) {
            Ok(verified) => verified,
            Err(fault) => return self.tolerate(head, &claim, fault),
        };
        let encoding = match declared {
            Payload::Declared(hash) => BodyEncoding::Checked(payload::Check::new(hash)),
            Payload::Chunked(chunked) if has_chunks(head) => {
                BodyEncoding::Chunked(Box::new(Decoder::new(chunked, &verified, head)?), announced(head))
            }
            Payload::Chunked(_) | Payload::Body | Payload::Unsigned | Payload::Word(_) => BodyEncoding::Plain,
        };
        Ok(Stage::Done(Authenticated {
            region: self.region_of(&claim),
            signed: Some(signed(&claim, self.now, marker)),
            caller: proof.caller(),
            encoding,
        }))
    }

    fn region_of(&self, claim: &Claim<'_>) -> Option<Region> {
        claim.region().and_then(|name| if name == self.home.as_str() { Some(self.home.clone()) } else { Region::parse(name) })
    }

    /// A claim that may be true: in order, in time, and of a key that exists.
    fn known<'c>(&self, head: &Head<'_>, claim: &Claim<'c>) -> Result<(Admitted<'c>, Proof), Fault>
    where
        'a: 'c,
    {
        let admitted = claim.clone().admit(head, self.now, &self.target)?;
        if let Some(key) = self.machine_key(claim) {
            return Ok((admitted, Proof::Machine(key)));
        }
        match self.identity.credential(&claim.access_key, claim.session_token.as_deref(), self.now) {
            Ok(credential) => Ok((admitted, Proof::Secret(credential))),
            Err(unknown) => {
                tracing::warn!(
                    access_key = %claim.access_key,
                    "unknown access key: create it in IAM, sign with the root key of this server (--root-access-key), \
                     with a 12-digit account id and the root secret, or start with --auth off"
                );
                Err(self::unknown(unknown, claim, self.dialect))
            }
        }
    }

    /// Goes on with a form that may hold a claim.
    pub fn of_form(&self, head: &Head<'_>, form: &Bytes) -> Result<Authenticated, Fault> {
        let done = |caller, claim: Option<&Claim<'_>>| Authenticated {
            caller,
            region: None,
            signed: claim.map(|claim| signed(claim, self.now, None)),
            encoding: BodyEncoding::Plain,
        };
        let form = std::str::from_utf8(form).unwrap_or_default();
        let claim = match read_form_claim(form) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok(done(Caller::anonymous(), None)),
            Err(_) if self.mode == Mode::Off => return Ok(done(self.identity.unchecked(""), None)),
            Err(fault) => return Err(self.spelled(fault)),
        };
        if self.mode == Mode::Off {
            return Ok(done(self.identity.unchecked(&claim.access_key), Some(&claim)));
        }
        let verified = self.known(head, &claim).and_then(|(admitted, proof)| match proof {
            Proof::Secret(credential) => admitted.verify_form(head, form, credential.secret.reveal()).map(|_| credential.caller),
            Proof::Machine(_) => Err(Fault::internal("machines sign no forms")),
        });
        match verified {
            Ok(caller) => Ok(done(caller, Some(&claim))),
            Err(fault) if self.mode == Mode::Soft => {
                tolerated(&claim, &fault);
                Ok(done(self.identity.unchecked(&claim.access_key), Some(&claim)))
            }
            Err(fault) => Err(self.spelled(fault)),
        }
    }

    /// Goes on with the body that the signature covers.
    pub fn finish(&self, head: &Head<'_>, pending: Pending<'a>, body: &Bytes) -> Result<Authenticated, Fault> {
        let Pending { claim, proof, now } = pending;
        let done = |caller: Caller| Authenticated {
            region: self.region_of(&claim),
            signed: Some(signed(&claim, now, None)),
            caller,
            encoding: BodyEncoding::Plain,
        };
        match proof.verify(&claim, head, payload::sha256(body).as_str(), self.keys) {
            Ok(_) => Ok(done(proof.caller())),
            Err(fault) if self.mode == Mode::Soft => {
                tolerated(&claim, &fault);
                Ok(done(self.unchecked(&claim)))
            }
            Err(fault) => Err(self.spelled(fault)),
        }
    }

    fn machine_key(&self, claim: &Claim<'_>) -> Option<MachineKey> {
        self.machine_keys.and_then(|keys| keys.find(&claim.access_key))
    }

    /// Who a claim says that it is of, where signatures are not enforced.
    fn unchecked(&self, claim: &Claim<'_>) -> Caller {
        self.machine_key(claim).map_or_else(|| self.identity.unchecked(&claim.access_key), |key| key.caller)
    }

    /// The caller of an unsigned request where signatures are not enforced: the root, as for unknown keys.
    pub fn unsigned_caller(&self, fault: &Fault) -> Caller {
        if self.mode == Mode::Soft {
            tracing::warn!(%fault, "let through: authentication is soft");
        }
        self.identity.unchecked("")
    }

    /// The signature's faults carry the codes of JSON and XML; their statuses, and EC2's one code for all, are the protocol's.
    fn spelled(&self, fault: Fault) -> Fault {
        if self.dialect.signature_rules == SignatureRules::S3 {
            return fault;
        }
        let kind = match fault.name() {
            "SignatureOutOfTime" if self.dialect.denial == Denial::Encoded => return self.dialect.expired_token.says("Request has expired."),
            "InvalidSignatureException" | "SignatureOutOfTime" => &self.dialect.bad_signature,
            "IncompleteSignatureException" => &self.dialect.incomplete_signature,
            "MissingAuthenticationTokenException" => &self.dialect.missing_token,
            _ => return fault,
        };
        if self.dialect.denial == Denial::Encoded {
            return kind.says("AWS was not able to validate the provided access credentials");
        }
        fault.recoded(kind)
    }

    /// Soft mode reports what it would have refused, and lets it through.
    fn tolerate(&self, head: &Head<'a>, claim: &Claim<'a>, fault: Fault) -> Result<Stage<'a>, Fault> {
        if self.mode != Mode::Soft {
            return Err(fault);
        }
        tolerated(claim, &fault);
        self.unsigned(head, self.unchecked(claim), Some(claim))
    }

    /// Nobody's signature is compared; the body may still come in chunks, or with a declared hash.
    fn unsigned(&self, head: &Head<'a>, caller: Caller, claim: Option<&Claim<'a>>) -> Result<Stage<'a>, Fault> {
        let declared = Payload::of(head, claim, self.target.flavor)?;
        let marker = declared.marker();
        let encoding = match declared {
            Payload::Declared(hash) => BodyEncoding::Checked(payload::Check::new(hash)),
            Payload::Chunked(_) if has_chunks(head) => BodyEncoding::Chunked(Box::new(Decoder::unsigned(head)?), announced(head)),
            Payload::Chunked(_) | Payload::Body | Payload::Unsigned | Payload::Word(_) => BodyEncoding::Plain,
        };
        let region = claim.and_then(|claim| self.region_of(claim));
        Ok(Stage::Done(Authenticated { caller, region, signed: claim.map(|claim| signed(claim, self.now, marker)), encoding }))
    }
}

/// The service's fault for an unknown key or an expired session.
pub fn unknown(unknown: CredentialError, claim: &Claim<'_>, dialect: &Dialect) -> Fault {
    let s3 = dialect.signature_rules == SignatureRules::S3;
    // AWS: the key of a session without its token is a key like any other, and unknown.
    let unknown =
        if unknown == CredentialError::Token && claim.session_token.as_deref().is_none_or(str::is_empty) { CredentialError::Key } else { unknown };
    match unknown {
        CredentialError::Key if s3 => dialect
            .unknown_key
            .says("The AWS Access Key Id you provided does not exist in our records.")
            .with("AWSAccessKeyId", claim.access_key.clone()),
        CredentialError::Token if s3 => cloudlet_aws::FaultKind::sender("InvalidToken", 400)
            .says("The provided token is malformed or otherwise invalid.")
            .with("Token-0", claim.session_token.clone().unwrap_or_default()),
        CredentialError::Expired if s3 => {
            dialect.expired_token.says("The provided token has expired.").with("Token-0", claim.session_token.clone().unwrap_or_default())
        }
        CredentialError::Expired if dialect.denial == Denial::Encoded => dialect.expired_token.says("Request has expired."),
        CredentialError::Expired => dialect.expired_token.says("The security token included in the request is expired"),
        CredentialError::Key | CredentialError::Token if dialect.denial == Denial::Encoded => {
            dialect.unknown_key.says("AWS was not able to validate the provided access credentials")
        }
        CredentialError::Key | CredentialError::Token => dialect.unknown_key.says("The security token included in the request is invalid."),
    }
}

fn tolerated(claim: &Claim<'_>, fault: &Fault) {
    tracing::warn!(access_key = %claim.access_key, %fault, "let through: authentication is soft");
}

fn signed(claim: &Claim<'_>, now: Timestamp, payload: Option<&'static str>) -> Signed {
    let kind = match claim.location {
        Location::Header => SignatureKind::Header,
        Location::Query => SignatureKind::Query,
        Location::Post => SignatureKind::Post,
    };
    Signed { kind, version: claim.signature_version(), age: now.millis().saturating_sub(claim.time.millis()), payload }
}

/// Whether a body that is announced as chunks comes in them: reads and deletions have none, whatever they announce.
fn has_chunks(head: &Head<'_>) -> bool {
    head.method == "PUT" || head.header("x-amz-decoded-content-length").is_some()
}

/// The trailers that the head announces.
fn announced(head: &Head<'_>) -> Trailers {
    let names: Vec<String> = head
        .header("x-amz-trailer")
        .map(|list| list.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect())
        .unwrap_or_default();
    Trailers::announced(names)
}
