//! Block Public Access of an account.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/configuring-block-public-access-account.html>

use crate::{S3Control, account_permission, api};
use cloudlet_aws::{Account, Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_s3_access::PublicAccessBlock;
use cloudlet_shape::Empty;

pub fn block_of(requested: &api::PublicAccessBlockConfiguration) -> PublicAccessBlock {
    PublicAccessBlock {
        block_public_acls: requested.block_public_acls == Some(true),
        ignore_public_acls: requested.ignore_public_acls == Some(true),
        block_public_policy: requested.block_public_policy == Some(true),
        restrict_public_buckets: requested.restrict_public_buckets == Some(true),
    }
}

pub fn shown(block: PublicAccessBlock) -> api::PublicAccessBlockConfiguration {
    api::PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_public_acls),
        ignore_public_acls: Some(block.ignore_public_acls),
        block_public_policy: Some(block.block_public_policy),
        restrict_public_buckets: Some(block.restrict_public_buckets),
    }
}

impl Handle<api::PutPublicAccessBlock> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::PutPublicAccessBlockRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:PutAccountPublicAccessBlock")
    }

    async fn handle(&self, cx: &Cx, input: api::PutPublicAccessBlockRequest) -> Result<Empty, Fault> {
        let requested = &input.public_access_block_configuration;
        let named = [requested.block_public_acls, requested.ignore_public_acls, requested.block_public_policy, requested.restrict_public_buckets];
        if named.iter().all(Option::is_none) {
            return Err(FaultKind::sender("InvalidRequest", 400).says("Must specify at least one configuration."));
        }
        let block = block_of(requested);
        self.settings.write(|settings| {
            settings.blocks.insert(cx.scope.account, block);
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetPublicAccessBlock> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::GetPublicAccessBlockRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:GetAccountPublicAccessBlock")
    }

    async fn handle(&self, cx: &Cx, _: api::GetPublicAccessBlockRequest) -> Result<api::GetPublicAccessBlockOutput, Fault> {
        let account: Account = cx.scope.account;
        match self.settings.read(|settings| settings.blocks.get(&account).copied()) {
            Some(block) => Ok(api::GetPublicAccessBlockOutput { public_access_block_configuration: Some(shown(block)) }),
            None => Err(FaultKind::sender("NoSuchPublicAccessBlockConfiguration", 404)
                .says("The public access block configuration was not found")
                .with("AccountId", account.as_str())),
        }
    }
}

impl Handle<api::DeletePublicAccessBlock> for S3Control {
    fn permissions(&self, cx: &Cx, input: &api::DeletePublicAccessBlockRequest) -> Result<Permissions, Fault> {
        account_permission(cx, &input.account_id, "s3:PutAccountPublicAccessBlock")
    }

    async fn handle(&self, cx: &Cx, _: api::DeletePublicAccessBlockRequest) -> Result<Empty, Fault> {
        self.settings.write(|settings| {
            settings.blocks.remove(&cx.scope.account);
            Ok::<_, Fault>(())
        })?;
        // AWS: recorded.
        cx.reply.status(204);
        Ok(Empty {})
    }
}
