/** What is under test unless an app file says otherwise. */
export const defaultApp = 'tripinsights';
