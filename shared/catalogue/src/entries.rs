//! The entries themselves.

use crate::{
    Catalogue, DetailPattern, Exists, FORMAT, Function, Grant, Listener, On, Pattern, Remedy, Rotator, Rule, Schedule,
};

/// Each kind of credential of a user, listed.
const ALL_KINDS_OF_CREDENTIALS: Grant = Grant {
    actions: &["iam:GetLoginProfile", "iam:ListAccessKeys", "iam:ListSSHPublicKeys", "iam:ListSigningCertificates"],
    on: On::Users,
};

/// What AWS Config has of the rule: only what changed is sent.
const STORED_RESULTS: Grant = Grant { actions: &["config:GetComplianceDetailsByConfigRule"], on: On::OwnRule };

/// The policy.
const POLICY: Grant = Grant { actions: &["ssm:GetParameter"], on: On::PolicyParameter };

/// The kill switch.
const KILL_SWITCH: Grant = Grant { actions: &["ssm:GetParameter"], on: On::KillSwitchParameter };

/// What the execution that invokes asks, and who asked.
const EXECUTION: Grant = Grant { actions: &["ssm:GetAutomationExecution"], on: On::Executions };

/// What a rule remembers: how far it came, and what it saw.
const MEMORY_OF_A_RULE: Grant = Grant {
    actions: &[
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
    ],
    on: On::Ledger,
};

/// What is due, and the exceptions.
const LEDGER_INDEX: Grant = Grant { actions: &["dynamodb:Query"], on: On::LedgerIndex };

/// What is remembered of a user: what was done, what is under way, and what is told of it.
const RECORD_OF_ACTS: Grant = Grant {
    actions: &[
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ],
    on: On::Ledger,
};

/// Whether a secret is there, and who may read it; never its value.
const ENROLLED_SECRETS: Grant =
    Grant { actions: &["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"], on: On::Secrets };

/// Everything that is deployed.
pub const CATALOGUE: Catalogue = Catalogue {
    format: FORMAT,
    rules: &[
        Rule {
            name: "access-key-age",
            description: "Access keys, service-specific credentials, SSH public keys and signing certificates of IAM users are not older than the policy allows the user's class (90 days by default).",
            resource_type: "AWS::IAM::User",
            frequency: "TwentyFour_Hours",
            remedies: &["deactivate-credential", "rotate-key"],
            tells: None,
            function: Function {
                memory_mb: 256,
                timeout_seconds: 290,
                grants: &[
                    Grant {
                        actions: &[
                            "iam:GenerateCredentialReport",
                            "iam:GetAccountAuthorizationDetails",
                            "iam:GetCredentialReport",
                            "iam:ListServiceSpecificCredentials",
                            "config:PutEvaluations",
                        ],
                        on: On::Any,
                    },
                    ALL_KINDS_OF_CREDENTIALS,
                    STORED_RESULTS,
                    POLICY,
                    MEMORY_OF_A_RULE,
                    LEDGER_INDEX,
                ],
            },
        },
        Rule {
            name: "unused-credentials",
            description: "No access key and no console password of an IAM user goes unused for longer than the policy allows the user's class (45 days after its last use, 14 if it was never used, by default).",
            resource_type: "AWS::IAM::User",
            frequency: "TwentyFour_Hours",
            remedies: &["deactivate-credential"],
            tells: None,
            function: Function {
                memory_mb: 256,
                timeout_seconds: 290,
                grants: &[
                    Grant {
                        actions: &[
                            "access-analyzer:ListAnalyzers",
                            "iam:GenerateCredentialReport",
                            "iam:GetAccountAuthorizationDetails",
                            "iam:GetCredentialReport",
                            "config:PutEvaluations",
                        ],
                        on: On::Any,
                    },
                    // The latter two allow `GetFindingV2` and `ListFindingsV2` (IAM Access Analyzer API Reference).
                    Grant {
                        actions: &[
                            "access-analyzer:GetAnalyzer",
                            "access-analyzer:GetFinding",
                            "access-analyzer:ListFindings",
                        ],
                        on: On::Analyzers,
                    },
                    Grant {
                        actions: &[
                            "iam:GetAccessKeyLastUsed",
                            "iam:GetLoginProfile",
                            "iam:GetUser",
                            "iam:ListAccessKeys",
                        ],
                        on: On::Users,
                    },
                    STORED_RESULTS,
                    POLICY,
                    MEMORY_OF_A_RULE,
                    LEDGER_INDEX,
                ],
            },
        },
        Rule {
            name: "unauthorized-key-creation",
            description: "Every long-term credential of an IAM user was created, and re-activated, by somebody who may do so, and is of a kind and number that the policy lets the user's class hold.",
            resource_type: "AWS::IAM::User",
            frequency: "TwentyFour_Hours",
            remedies: &["deactivate-credential"],
            // A compromise is told at once to whoever answers for security.
            tells: Some("advance-work"),
            function: Function {
                memory_mb: 256,
                timeout_seconds: 290,
                grants: &[
                    Grant {
                        actions: &[
                            "cloudtrail:LookupEvents",
                            "iam:GenerateCredentialReport",
                            "iam:GetAccountAuthorizationDetails",
                            "iam:GetCredentialReport",
                            "iam:ListServiceSpecificCredentials",
                            "config:PutEvaluations",
                        ],
                        on: On::Any,
                    },
                    ALL_KINDS_OF_CREDENTIALS,
                    STORED_RESULTS,
                    POLICY,
                    MEMORY_OF_A_RULE,
                    LEDGER_INDEX,
                ],
            },
        },
    ],
    remedies: &[
        Remedy {
            name: "deactivate-credential",
            description: "Deactivates a credential that breaks the policy and is not in use, and undoes that; deletes a console password after a warning.",
            undo: true,
            exceptions: false,
            rotations: false,
            approvals: true,
            changes: &[
                // Taking it off again harms nobody.
                "iam:AttachUserPolicy",
                "iam:DeleteLoginProfile",
                "iam:UpdateAccessKey",
                "iam:UpdateSSHPublicKey",
                "iam:UpdateServiceSpecificCredential",
                "iam:UpdateSigningCertificate",
            ],
            function: Function {
                memory_mb: 256,
                timeout_seconds: 290,
                grants: &[
                    Grant { actions: &["iam:ListUsers"], on: On::Any },
                    Grant {
                        actions: &[
                            "iam:DeleteLoginProfile",
                            "iam:GetAccessKeyLastUsed",
                            "iam:GetLoginProfile",
                            "iam:GetUser",
                            "iam:ListAccessKeys",
                            "iam:ListAttachedUserPolicies",
                            "iam:ListGroupsForUser",
                            "iam:ListSSHPublicKeys",
                            "iam:ListServiceSpecificCredentials",
                            "iam:ListSigningCertificates",
                            "iam:UpdateAccessKey",
                            "iam:UpdateSSHPublicKey",
                            "iam:UpdateServiceSpecificCredential",
                            "iam:UpdateSigningCertificate",
                        ],
                        on: On::Users,
                    },
                    Grant { actions: &["iam:AttachUserPolicy", "iam:DetachUserPolicy"], on: On::SessionPolicy },
                    Grant { actions: &["iam:ListAttachedGroupPolicies"], on: On::Groups },
                    Grant { actions: &["config:BatchGetResourceConfig"], on: On::Any },
                    EXECUTION,
                    POLICY,
                    KILL_SWITCH,
                    RECORD_OF_ACTS,
                ],
            },
        },
        Remedy {
            name: "rotate-key",
            description: "Has access keys replaced, deactivates an old one once nothing needs it any more, and undoes that.",
            undo: true,
            exceptions: false,
            rotations: true,
            approvals: false,
            changes: &["iam:DeleteAccessKey", "iam:UpdateAccessKey"],
            function: Function {
                memory_mb: 256,
                timeout_seconds: 290,
                grants: &[
                    // What uses a key, where a role would do in its place.
                    Grant { actions: &["cloudtrail:LookupEvents", "iam:ListUsers"], on: On::Any },
                    Grant {
                        actions: &[
                            "iam:GetAccessKeyLastUsed",
                            "iam:GetLoginProfile",
                            "iam:GetUser",
                            "iam:ListAccessKeys",
                            "iam:ListAttachedUserPolicies",
                            "iam:ListGroupsForUser",
                            "iam:ListSSHPublicKeys",
                            "iam:ListServiceSpecificCredentials",
                            "iam:ListSigningCertificates",
                            "iam:UpdateAccessKey",
                        ],
                        on: On::Users,
                    },
                    Grant { actions: &["iam:DeleteAccessKey"], on: On::EnrolledUsers },
                    Grant { actions: &["iam:ListAttachedGroupPolicies"], on: On::Groups },
                    ENROLLED_SECRETS,
                    Grant { actions: &["secretsmanager:RotateSecret"], on: On::SecretRotation },
                    Grant { actions: &["lambda:InvokeFunction"], on: On::Rotators },
                    Grant { actions: &["cloudtrail:LookupEvents"], on: On::Any },
                    Grant { actions: &["config:BatchGetResourceConfig"], on: On::Any },
                    EXECUTION,
                    POLICY,
                    KILL_SWITCH,
                    RECORD_OF_ACTS,
                ],
            },
        },
        Remedy {
            name: "tag-exception",
            description: "Grants, extends and revokes exceptions, mirrors them as tags of their users, and enrols users.",
            undo: false,
            exceptions: true,
            rotations: false,
            approvals: false,
            changes: &["iam:TagUser", "iam:UntagUser"],
            function: Function {
                memory_mb: 128,
                timeout_seconds: 290,
                grants: &[
                    Grant { actions: &["iam:ListUsers"], on: On::Any },
                    Grant { actions: &["iam:GetUser"], on: On::Users },
                    Grant { actions: &["iam:TagUser", "iam:UntagUser"], on: On::ExceptionTags },
                    ENROLLED_SECRETS,
                    EXECUTION,
                    POLICY,
                    KILL_SWITCH,
                    Grant {
                        actions: &["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
                        on: On::Ledger,
                    },
                ],
            },
        },
    ],
    rotators: &[Rotator {
        name: "mint-key",
        description: "Mints access keys of enrolled users into their secrets, for AWS Secrets Manager.",
        changes: &["iam:CreateAccessKey", "iam:DeleteAccessKey"],
        function: Function {
            memory_mb: 128,
            timeout_seconds: 290,
            grants: &[
                Grant {
                    actions: &["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:GetUser", "iam:ListAccessKeys"],
                    on: On::EnrolledUsers,
                },
                Grant {
                    actions: &[
                        "secretsmanager:DescribeSecret",
                        "secretsmanager:GetResourcePolicy",
                        "secretsmanager:GetSecretValue",
                        "secretsmanager:PutSecretValue",
                        "secretsmanager:UpdateSecretVersionStage",
                    ],
                    on: On::Secrets,
                },
                POLICY,
                KILL_SWITCH,
                Grant { actions: &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"], on: On::Ledger },
            ],
        },
    }],
    schedules: &[Schedule {
        name: "advance-work",
        description: "Takes up what is due in the ledger, goes on with unfinished passes, tells owners, and clears Config's own remediation exceptions.",
        rate: "rate(1 hour)",
        function: Function {
            memory_mb: 256,
            timeout_seconds: 290,
            grants: &[
                LEDGER_INDEX,
                Grant {
                    actions: &[
                        "dynamodb:DeleteItem",
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                    on: On::Ledger,
                },
                KILL_SWITCH,
                Grant { actions: &["ssm:StartAutomationExecution"], on: On::Documents },
                Grant { actions: &["iam:PassRole"], on: On::AutomationRole },
                Grant { actions: &["config:StartConfigRulesEvaluation"], on: On::Rules },
                Grant {
                    actions: &["config:DeleteRemediationExceptions", "config:DescribeRemediationExceptions"],
                    on: On::Remediations,
                },
                Grant { actions: &["sns:Publish"], on: On::NoticeTopic },
                Grant { actions: &["events:PutEvents"], on: On::DefaultBus },
            ],
        },
    }],
    events: &[Listener {
        name: "record-creation",
        package: "unauthorized-key-creation",
        description: "Records who creates a long-term credential of an IAM user, or makes one active again, as it happens, and has it judged at once.",
        pattern: Pattern {
            source: &["aws.iam"],
            detail_type: &["AWS API Call via CloudTrail"],
            detail: DetailPattern {
                event_source: &["iam.amazonaws.com"],
                event_name: &[
                    "CreateAccessKey",
                    "CreateLoginProfile",
                    "CreateServiceSpecificCredential",
                    "UploadSSHPublicKey",
                    "UploadSigningCertificate",
                    "UpdateAccessKey",
                    "UpdateServiceSpecificCredential",
                    "UpdateSSHPublicKey",
                    "UpdateSigningCertificate",
                ],
                error_code: &[Exists { exists: false }],
            },
        },
        function: Function {
            memory_mb: 128,
            timeout_seconds: 60,
            grants: &[
                Grant { actions: &["dynamodb:PutItem"], on: On::Ledger },
                POLICY,
                Grant { actions: &["iam:GetUser"], on: On::Users },
                Grant { actions: &["ssm:StartAutomationExecution"], on: On::OwnDocument },
                Grant { actions: &["iam:PassRole"], on: On::AutomationRole },
            ],
        },
    }],
};
