/** The release, as peers and `GET /v1/node` see it: package.json's, which a test compares. */
export const VERSION = '0.1.0';
