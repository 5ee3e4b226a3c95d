use aws_config::SdkConfig;

use crate::Rule;

/// Serves the rule as a Lambda function until the execution environment ends.
///
/// `namespace` is the CloudWatch namespace of the metrics. Retries are as `aws` says; adaptive ones are advised.
pub async fn run<R: Rule>(rule: R, aws: &SdkConfig, namespace: &str) -> Result<(), lambda_runtime::Error> {
    let _ = (rule, aws, namespace);
    Err("not served yet".into())
}
