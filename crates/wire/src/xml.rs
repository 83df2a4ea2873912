//! XML of any shape, as restXml, awsQuery and ec2Query use it. The protocols themselves are elsewhere.

mod read;
mod tree;
mod write;

use cloudlet_shape::{Kind, Member};

pub(crate) use read::read;
pub(crate) use write::XmlWriter;

/// The element of a member.
///
/// A flattened list without a name of its own takes that of its items: so botocore and the Java SDK read it, and S3 Control
/// writes it. (Smithy's rule, that the items' name does not count, is for models that AWS's clients are not made from.)
pub(crate) fn element_name(member: &Member) -> &'static str {
    let named = member.wire != member.name;
    if !named && member.flattened() && member.of.kind == Kind::List && member.of.item_name != "member" { member.of.item_name } else { member.wire }
}

/// `type` of `xsi:type`.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
