//! A whole rule for changes: every bucket carries the tag that the parameter `tag` names.

use std::convert::Infallible;

use credwarden_config_rule::{Annotation, ChangeRule, ConfigurationItem, Invocation, Judgement, OnChange, run};

pub(crate) struct OwnerTag;

#[derive(serde::Deserialize)]
pub(crate) struct Parameters {
    tag: String,
}

impl ChangeRule for OwnerTag {
    const RESOURCE_TYPES: &'static [&'static str] = &["AWS::S3::Bucket"];
    type Parameters = Parameters;
    type Error = Infallible;

    async fn judge(&self, bucket: &ConfigurationItem, by: &Invocation<Parameters>) -> Result<Judgement, Infallible> {
        let tag = &by.parameters.tag;
        Ok(match bucket.tags.get(tag) {
            Some(_) => Judgement::compliant(Annotation::none()),
            None => Judgement::non_compliant(Annotation::from_entries([format!("no tag {tag}")])),
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let aws = aws_config::load_from_env().await;
    run(OnChange(OwnerTag), &aws, "OwnerTag").await
}
