/** What could be read of something, or why it could not. */
export type Read<T> = { readonly value: T } | { readonly failure: string };

/** An AWS Config recorder. */
export interface Recorder {
  readonly name: string;
  readonly isRecording: boolean;
  /** Result of its last delivery, such as `FAILURE`. */
  readonly lastStatus: string | undefined;
  readonly records: Recording;
}

/** Which resource types a recorder records. */
export type Recording =
  | { readonly kind: 'listed'; readonly types: readonly string[] }
  | { readonly kind: 'all-but'; readonly excluded: readonly string[] }
  /** Everything regional; the IAM types only with `includesGlobal`. */
  | { readonly kind: 'all'; readonly includesGlobal: boolean };

/** A CloudTrail trail, as far as IAM's events are concerned. */
export interface Trail {
  readonly name: string;
  readonly isLogging: boolean;
  /** It sees the events of IAM, by region and by including global services. */
  readonly coversIam: boolean;
  readonly logsManagementWrites: boolean;
}

/** A trail that is there, but could not be looked at, such as an organization's trail in a member account. */
export interface HiddenTrail {
  readonly name: string;
  readonly failure: string;
}

/** What the preflight looks at. */
export interface Account {
  readonly region: string;
  readonly recorders: Read<readonly Recorder[]>;
  readonly trails: Read<readonly (Trail | HiddenTrail)[]>;
  /** Version of the CDK bootstrap stack, if there is one. */
  readonly bootstrapVersion: Read<number | undefined>;
}
