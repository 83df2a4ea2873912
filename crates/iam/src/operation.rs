//! How an operation of IAM is written: what it wants, then what it does.
//! An operation names one resource, so that its ask follows from the ARN and the generated table; few ask more.

use cloudlet_api_iam::Tag;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Permission, Permissions};
use cloudlet_identity::Tags;
use cloudlet_policy::Grant;
use cloudlet_shape::Operation;

/// What a call wants, before it has the name of its action.
pub(crate) struct Want {
    permission: Option<Permission>,
    also: Vec<Permission>,
    /// The boundary that the user or role has: to many operations, and not to others, a key of the request.
    boundary: Option<Arn>,
}

const BOUNDARY: &str = "iam:PermissionsBoundary";

impl Want {
    pub fn on(arn: Arn) -> Want {
        Want { permission: Some(Permission::action("", arn)), also: Vec::new(), boundary: None }
    }

    /// For actions that have no resource.
    pub fn anything() -> Want {
        Want::on(Arn::any())
    }

    /// How a refusal calls the resource. AWS: `on resource: user bob`, where most services say the ARN.
    pub fn shown(mut self, text: String) -> Want {
        if let Some(permission) = &mut self.permission {
            permission.shown = Some(text.into());
        }
        self
    }

    fn key(mut self, name: String, value: &str) -> Want {
        if let Some(permission) = &mut self.permission {
            permission.keys.set(name, value.to_owned());
        }
        self
    }

    pub fn with(self, name: &'static str, value: &str) -> Want {
        self.key(name.to_owned(), value)
    }

    /// The boundary that the user or role has.
    pub fn bounded_by(self, boundary: Option<&Arn>) -> Want {
        Want { boundary: boundary.cloned(), ..self }
    }

    /// The boundary that the request brings.
    pub fn bringing_boundary(self, boundary: Option<&str>) -> Want {
        match boundary {
            Some(arn) => self.with(BOUNDARY, arn),
            None => self,
        }
    }

    /// The tags that the resource has.
    pub fn tagged(self, tags: &Tags) -> Want {
        let mut want = tags.iter().fold(self, |want, (key, value)| want.key(format!("iam:ResourceTag/{key}"), value));
        if let Some(permission) = &mut want.permission {
            permission.keys.set_resource_tags(tags.iter().map(|(key, value)| (key, value)));
        }
        want
    }

    /// The tags that the request brings.
    pub fn requests(mut self, tags: Option<&[Tag]>) -> Want {
        if let (Some(tags), Some(permission)) = (tags, &mut self.permission) {
            permission.keys.set_request_tags(tags.iter().map(|tag| (&tag.key, tag.value.clone())));
        }
        self
    }

    pub fn untags(mut self, keys: &[String]) -> Want {
        if let Some(permission) = &mut self.permission {
            permission.keys.set_tag_keys(keys);
        }
        self
    }

    /// What lets a caller in without a policy.
    pub fn granted(mut self, grant: Grant<'static>) -> Want {
        if let Some(permission) = &mut self.permission {
            permission.grant = Some(grant);
        }
        self
    }

    pub fn also(mut self, permission: Permission) -> Want {
        self.also.push(permission);
        self
    }

    pub fn permissions<O: Operation>(self) -> Result<Permissions, Fault> {
        let access = O::SCHEMA.access.first();
        let action = access.map_or("", |access| access.action);
        let boundary = self.boundary.filter(|_| access.is_some_and(|access| access.keys.contains(&BOUNDARY)));
        let permissions = self.permission.into_iter().map(|mut permission| {
            // A boundary that the request brings counts more.
            if let Some(boundary) = boundary.as_ref().filter(|_| permission.keys.get(BOUNDARY).is_none()) {
                permission.keys.set(BOUNDARY, boundary);
            }
            Permission { action, ..permission }
        });
        Ok(permissions.chain(self.also).collect())
    }
}

/// `operation!(GetUser, |iam, cx, input| what it wants, |iam, cx, input| what it does)`.
macro_rules! operation {
    ($operation:ident, |$i:ident, $c:ident, $n:ident| $want:expr, |$iam:ident, $cx:ident, $input:ident| $does:expr $(,)?) => {
        impl cloudlet_engine::Handle<$operation> for crate::Iam {
            #[allow(unused_variables, reason = "not every operation needs all three")]
            fn permissions(
                &self,
                $c: &cloudlet_engine::Cx,
                $n: &<$operation as cloudlet_shape::Operation>::Input,
            ) -> Result<cloudlet_engine::Permissions, cloudlet_aws::Fault> {
                crate::names::check($n)?;
                let $i = self;
                let want: crate::operation::Want = $want;
                want.permissions::<$operation>()
            }

            #[allow(unused_variables, unused_mut, reason = "not every operation needs all three")]
            async fn handle(
                &self,
                $cx: &cloudlet_engine::Cx,
                mut $input: <$operation as cloudlet_shape::Operation>::Input,
            ) -> Result<<$operation as cloudlet_shape::Operation>::Output, cloudlet_aws::Fault> {
                let $iam = self;
                $does
            }
        }
    };
}
pub(crate) use operation;
