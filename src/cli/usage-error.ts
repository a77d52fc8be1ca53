/** The command line itself is wrong. */
export class UsageError extends Error {
  constructor(problem: string) {
    super(`${problem}: see connector --help`);
  }
}
