//! Why a response is refused.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// Not the base64 of a response with exactly one assertion.
    NotAResponse,
    /// The assertion is encrypted, and no key decrypts it.
    NotDecrypted,
    /// The assertion is not encrypted, but the provider requires it.
    NotEncrypted,
    /// The status of the response is not Success.
    AuthenticationFailed,
    /// The response is from another provider.
    Issuer,
    /// No signature of the provider covers the assertion.
    Signature,
    /// The assertion lacks a required element.
    Incomplete,
}
