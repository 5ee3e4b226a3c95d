/**
 * The names of everything deployed that has a fixed name.
 *
 * Functions and people find each other by these names: a document's name says which rule or undo it is of, so they
 * are the same in every account and never generated.
 */
export class Names {
  readonly policyParameter: string;
  readonly killSwitchParameter: string;
  readonly ledger: string;
  /** Of the topic by which owners are told. */
  readonly noticeTopic: string;
  /** How the names of secrets begin into which keys are minted. */
  readonly secrets: string;
  /** Of the managed policy that refuses sessions. */
  readonly sessionPolicy: string;

  constructor(readonly prefix: string) {
    this.policyParameter = `/${prefix}/policy`;
    this.killSwitchParameter = `/${prefix}/kill-switch`;
    this.ledger = `${prefix}-ledger`;
    this.secrets = `${prefix}/`;
    this.noticeTopic = `${prefix}-notices`;
    this.sessionPolicy = `${prefix}-refuse-sessions`;
  }

  /** Of a function, and of the AWS Config rule and SSM document that belong to a rule's function. */
  of(entry: { readonly name: string }): string {
    return `${this.prefix}-${entry.name}`;
  }

  /** Of the queue with the events that a function could not take. */
  failedEvents(entry: { readonly name: string }): string {
    return `${this.of(entry)}-failed`;
  }

  /** Of the document by which people acknowledge a rotation. */
  get acknowledgeRotation(): string {
    return `${this.prefix}-acknowledge-rotation`;
  }

  /** Of the document by which people ask for a rotation. */
  get forceRotation(): string {
    return `${this.prefix}-force-rotation`;
  }

  /** Of the document by which people have users enrolled. */
  get enrolUser(): string {
    return `${this.prefix}-enrol-user`;
  }

  /** Of the document by which people have announced acts approved. */
  get approve(): string {
    return `${this.prefix}-approve`;
  }

  /** Of the function that mints keys. */
  get mintFunction(): string {
    return `${this.prefix}-mint-key`;
  }

  /** Of the document that undoes a remedy. */
  undo(remedy: { readonly name: string }): string {
    return `${this.prefix}-undo-${remedy.name}`;
  }
}

/** `access-key-age` as the id of a construct or a step: `AccessKeyAge`. */
export function idOf({ name }: { readonly name: string }): string {
  return name
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
