/** Port every TripInsights service listens on in its container. */
export const appPort = 8080;
/** Port of their Kubernetes Services, as in the originals. */
export const servicePort = 80;
/** PostgreSQL, in the container and of its Service. */
export const databasePort = 5432;
