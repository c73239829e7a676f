const VARIABLE = 'NODE_TLS_REJECT_UNAUTHORIZED';

/**
 * Lets every TLS connection of this process accept any certificate, for client libraries that have no option for it; Node's
 * warning of that is left out, and no other.
 */
export function acceptAnyCertificate(): void {
  if (process.env[VARIABLE] === '0') return;
  process.env[VARIABLE] = '0';
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes(VARIABLE)) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
}
