//! What could take the place of an access key, for owners who shall not have another one.
//!
//! Sources: IAM User Guide, "Alternatives to long-term access keys" and "Security best practices in IAM" (temporary
//! credentials for people and workloads, IAM Roles Anywhere outside of AWS, OIDC federation for CI); Amazon SES Developer
//! Guide, "Obtaining Amazon SES SMTP credentials" (an SMTP password is derived from an access key of an IAM user).

use credwarden_credential::snapshot::{Credential, LastUse};

/// Services whose last call says that a deployment made it.
const OF_DEPLOYMENTS: [&str; 9] =
    ["cloudformation", "codebuild", "codedeploy", "codepipeline", "ecr", "ecs", "eks", "elasticbeanstalk", "lambda"];

/// Services whose last call says that a person made it, or a tool for one.
const OF_PEOPLE: [&str; 6] = ["access-analyzer", "ce", "health", "iam", "organizations", "support"];

/// What to use in place of `key`, and how to come there, in a few sentences. The last use is a hint, not a proof: it is
/// said that CloudTrail knows more.
pub fn advice(key: &Credential) -> String {
    let id = &key.id;
    let (at, service, region) = match &key.last_use {
        LastUse::Never => {
            return format!("{id} was never used: delete it if nothing waits for it. If something does, {ROLES}");
        }
        LastUse::NotRead | LastUse::Unread(_) => return format!("{ROLES} {CLOUDTRAIL}"),
        LastUse::At { at, service, region } => (at, service.as_str(), region),
    };
    let instead = match service {
        "ses" | "email" => SMTP,
        "codecommit" => CODECOMMIT,
        service if OF_DEPLOYMENTS.contains(&service) => CI,
        service if OF_PEOPLE.contains(&service) => PEOPLE,
        _ => ROLES,
    };
    format!("{id} was used last at {at}, of {service} in {region}: {instead} {CLOUDTRAIL}")
}

const ROLES: &str = "give whatever runs on AWS a role (an EC2 instance profile, an ECS task role, a Lambda execution role, \
    EKS Pod Identity) and take the key out of its configuration: the SDKs find the role by themselves. A server elsewhere \
    gets one by IAM Roles Anywhere: register its certificate authority as a trust anchor, create a profile with the role, \
    and name aws_signing_helper as `credential_process`.";

const CI: &str = "if a CI system deploys with it (GitHub Actions, GitLab and others), register that as an OIDC identity \
    provider in IAM, create a role that trusts exactly your repository and branch, and have the pipeline assume it. On AWS, \
    use the role of the build or the instance.";

const PEOPLE: &str = "if a person works with it, assign the account and a permission set in IAM Identity Center, and use \
    `aws configure sso` and `aws sso login`, which give credentials of some hours.";

const SMTP: &str = "an SMTP password of Amazon SES is made of an access key, so no role replaces it there. Send by the SES \
    API with a role, or have one mail relay with a role send for all.";

const CODECOMMIT: &str = "use git-remote-codecommit, which signs with whatever credentials the AWS CLI has: a role on AWS, \
    `aws sso login` for people.";

const CLOUDTRAIL: &str = "CloudTrail's event history, looked up by the access key, tells from where and by which program it \
    is used.";

#[cfg(test)]
mod tests {
    use credwarden_credential::snapshot::{Gap, GapReason, Status};

    use super::*;

    fn advised(last_use: LastUse) -> String {
        advice(&Credential {
            id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            status: Status::Active,
            created: jiff::Timestamp::UNIX_EPOCH,
            expires: None,
            service: None,
            last_use,
        })
    }

    fn used(service: &str) -> LastUse {
        let (at, region) = ("2026-01-01T00:00:00Z".parse().unwrap(), "eu-central-1".to_owned());
        LastUse::At { at, service: service.to_owned(), region }
    }

    #[test]
    fn the_last_use_says_what_could_take_the_place_of_a_key() {
        for (service, instead) in [
            ("ecr", "OIDC identity provider"),
            ("iam", "IAM Identity Center"),
            ("ses", "Send by the SES API"),
            ("codecommit", "git-remote-codecommit"),
            ("s3", "IAM Roles Anywhere"),
        ] {
            let advised = advised(used(service));
            assert!(advised.contains(instead), "{service}: {advised}");
            assert!(advised.contains("was used last at 2026-01-01T00:00:00Z"), "{advised}");
        }
    }

    #[test]
    fn a_key_that_was_never_used_needs_nothing_in_its_place() {
        assert!(advised(LastUse::Never).contains("delete it if nothing waits for it"));
    }

    #[test]
    fn where_the_last_use_is_not_known_nothing_is_said_of_it() {
        let gap = Gap::new(GapReason::Denied, "read the last use");
        for last_use in [LastUse::NotRead, LastUse::Unread(gap)] {
            let advised = advised(last_use);
            assert!(!advised.contains("was used") && advised.contains("CloudTrail"), "{advised}");
        }
    }
}
