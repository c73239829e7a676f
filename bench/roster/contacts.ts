/** How many contacts everybody has. */
const CONTACTS = 20;

/** The contacts of one of so many users, who stand in a circle: those on both sides, the nearest first. */
export function neighbours(user: number, circle: number): number[] {
  const distances = Array.from({ length: CONTACTS / 2 }, (_, i) => i + 1);
  return distances.flatMap((distance) => [-distance, distance]).map((step) => (user + step + circle) % circle);
}
