// What runs in Node as well as in the page: tests compare it with Python's analysis.

export { costsOf, ModelCosts } from "./costs";
export { Program } from "./program";
export { readDocument } from "./reading";
