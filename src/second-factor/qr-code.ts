import { encodeQR } from 'qr';

/** Draws a text as a QR code: SVG without script or style, black on nothing, to be shown on white. ISO/IEC 18004. */
export function qrCode(text: string): string {
  return encodeQR(text, 'svg', { ecc: 'medium', border: 2 }).replace(/^<\?xml[^>]*\?>/, '');
}
