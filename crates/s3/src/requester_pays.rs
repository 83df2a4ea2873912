//! Requester Pays.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html>

use crate::{S3, access::BucketHandle, api, faults, state::Payer};
use cloudlet_aws::{Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_shape::Empty;

impl BucketHandle {
    /// Refuses a request of another account that does not say that it pays: `x-amz-request-payer`.
    pub fn paid_by(self, cx: &Cx, request_payer: Option<&String>) -> Result<BucketHandle, Fault> {
        if self.bucket.access.payer == Payer::BucketOwner || cx.caller.account == Some(self.bucket.owner) {
            return Ok(self);
        }
        match cx.caller.identity {
            Identity::Service { .. } => Ok(self),
            Identity::Anonymous => Err(faults::access_denied()),
            _ if request_payer.is_some_and(|payer| payer == "requester") => {
                cx.reply.header("x-amz-request-charged", "requester");
                Ok(self)
            }
            _ => Err(faults::access_denied()),
        }
    }
}

impl Handle<api::PutBucketRequestPayment> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketRequestPaymentRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketRequestPayment>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketRequestPaymentRequest) -> Result<Empty, Fault> {
        let payer = match input.request_payment_configuration.payer.as_str() {
            "BucketOwner" => Payer::BucketOwner,
            "Requester" => Payer::Requester,
            _ => return Err(faults::malformed_xml()),
        };
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.access.payer = payer;
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketRequestPayment> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketRequestPaymentRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketRequestPayment>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketRequestPaymentRequest) -> Result<api::GetBucketRequestPaymentOutput, Fault> {
        let payer = match self.find(cx, &input.bucket, None)?.bucket.access.payer {
            Payer::BucketOwner => "BucketOwner",
            Payer::Requester => "Requester",
        };
        Ok(api::GetBucketRequestPaymentOutput { payer: Some(payer.to_owned()) })
    }
}
