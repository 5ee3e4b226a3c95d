/** Something in a template that AWS would refuse, or run differently from what it says. */
export interface Fault {
  /** Name of the check that found it, stable. */
  readonly check: string;
  /** Where, inside the resource. */
  readonly place: string;
  readonly what: string;
  readonly fix: string;
}
