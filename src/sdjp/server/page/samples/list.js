export const SAMPLES = [];
