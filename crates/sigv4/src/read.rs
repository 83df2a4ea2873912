//! Reads the claim of a request. Nothing is verified here.

use crate::{
    claim::{Claim, Flavor, Location, Target},
    v2,
};
use cloudlet_aws::{Fault, Head};

mod other;
mod parameters;
mod s3;

use parameters::Query;

/// The claim of a request; `None` if it is not signed.
pub fn read_claim<'a>(head: &Head<'a>, target: &Target<'_>) -> Result<Option<Claim<'a>>, Fault> {
    let authorization = head.header("authorization");
    let query = Query::of(head);
    match target.flavor {
        Flavor::S3 => s3::read(head, authorization, &query, target),
        Flavor::Other => other::read(head, authorization, &query),
    }
}

/// The SigV2 claim in the form of a query service (`SignatureVersion=2`), for a request whose head has no claim.
pub fn read_form_claim(form: &str) -> Result<Option<Claim<'_>>, Fault> {
    v2::in_parameters(form, Location::Post)
}

#[cfg(test)]
mod tests;
