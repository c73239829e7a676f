// Written by tools/unicode-tables.py from Unicode 15.1.0. Do not edit.
// A table is a list of runs: the first code point in hexadecimal, then the value of it and of all up to the next run.

/** Bidi_Class: L, R (R or AL), A (AN), E (EN), N (any neutral). Nonspacing marks are left out. */
export const BIDI_RUNS =
  '30E 3aN 41L 5bN 61L 7bN aaL b7N baL 2b9N 2bbL 2c6N 2d0L 2ecN 2eeL 374N 376L 590R 660A 66eR 6f0E 6faR 903L ' +
  '200cN 2071L 2e2fN 3005L 30fbN 30fcL a67fN a680L a717N a722L a788N a78bL fb1dR ff10E ff21L 10800R 10d30A 10d3aR ' +
  '11000L 1d7ceE 1df00L 1e800R 1fbf0E 20000L';

/** Joining_Type: L, R, D, T, or U for any other. Nonspacing marks, all of them transparent, are left out. */
export const JOINING_RUNS =
  '620D 621U 622R 626D 627R 628D 629R 62aD 62fR 633D 640U 641D 648R 649D 660U 66eD 671R 674U 675R 678D 688R 69aD ' +
  '6c0R 6c1D 6c3R 6ccD 6cdR 6ceD 6cfR 6d0D 6d2R 6e5U 6eeR 6f0U 6faD 6fdU 6ffD 710R 712D 715R 71aD 71eR 71fD 728R ' +
  '729D 72aR 72bD 72cR 72dD 72fR 74eD 759R 75cD 76bR 76dD 771R 772D 773R 775D 778R 77aD 780U 7caD 7f4U 840R 841D ' +
  '846R 848D 849R 84aD 854R 855D 856R 860D 861U 862D 866U 867R 868D 869R 883U 886D 887U 889D 88eR 8a0D 8aaR 8adU ' +
  '8aeR 8afD 8b1R 8b3D 8b9R 8baD 8c9U 1820D 1880U 1887D 18b0U a840D a872L a873U 10ac0D 10ac5R 10ac6U 10ac7R ' +
  '10acbU 10acdL 10aceR 10ad3D 10ad7L 10ad8D 10addR 10adeD 10ae1R 10ae2U 10ae4R 10b00U 10b80D 10b81R 10b82D ' +
  '10b83R 10b86D 10b89R 10b8aD 10b8cR 10b8dD 10b8eR 10b90D 10b91R 10c00U 10d00L 10d01D 10d22R 10d23D 10d30U ' +
  '10f30D 10f33R 10f34D 10f45U 10f70D 10f74R 10f76D 10fb1U 10fb2D 10fb4R 10fb7U 10fb8D 10fb9R 10fbbD 10fbdR ' +
  '10fbeD 10fc0U 10fc1D 10fc2R 10fc4D 10fe0U 1e900D 1e94bT 1e950U';

/** V where Canonical_Combining_Class is Virama, else U. */
export const VIRAMA_RUNS =
  '94dV 94eU 9cdV 9ceU a4dV a51U acdV ad0U b4dV b55U bcdV bd0U c4dV c55U ccdV cd5U d3bV d3dU d4dV d4eU dcaV dcfU ' +
  'e3aV e3fU ebaV ebbU f84V f85U 1039V 103bU 1714V 171fU 1734V 1735U 17d2V 17d3U 1a60V 1a61U 1b44V 1b45U 1baaV ' +
  '1bacU 1bf2V 1bfcU 2d7fV 2d80U a806V a807U a82cV a830U a8c4V a8c5U a953V a95fU a9c0V a9c1U aaf6V ab01U abedV ' +
  'abf0U 10a3fV 10a40U 11046V 11047U 11070V 11071U 1107fV 11080U 110b9V 110baU 11133V 11136U 111c0V 111c1U 11235V ' +
  '11236U 112eaV 112f0U 1134dV 11350U 11442V 11443U 114c2V 114c3U 115bfV 115c0U 1163fV 11640U 116b6V 116b7U ' +
  '1172bV 11730U 11839V 1183aU 1193dV 1193fU 119e0V 119e1U 11a34V 11a35U 11a47V 11a50U 11a99V 11a9aU 11c3fV ' +
  '11c40U 11d44V 11d46U 11d97V 11d98U 11f41V 11f43U';
