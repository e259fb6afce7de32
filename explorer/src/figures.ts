// The numbers that views get: what one network costs at one setting, and on each device.

import type { Structure } from "./document";

/** A number at one setting; null is unknown, which is not 0. */
export type Count = number | null;

/** What one network costs at one setting and precision, batch included. */
export interface Numbers {
  structure: Structure;
  precision: string;
  /** Whether all whole numbers are exact; else some were above 2^53 and are rounded. */
  is_exact: boolean;
  totals: Totals;
  layers: LayerCosts;
  memory: Memory;
  /** In the order of the document's devices. */
  devices: DeviceCosts[];
}

/** All unknown where a layer has no cost rule. */
export interface Totals {
  mult_adds: Count;
  vector_ops: Count;
  params: Count;
  weights: Count;
  weight_bytes: Count;
  activation_bytes: Count;
  traffic_bytes: Count;
  /** Most activations alive at once, by layers. */
  peak_bytes: Count;
}

/** Columns, one entry a layer. */
export interface LayerCosts {
  /** Of the output, without the batch. */
  shape: Count[][];
  /** Values of the symbols of its form. */
  symbols: Count[][];
  /** Values of the formulas of its form, for one example. */
  values: Count[][];
  mult_adds: Count[];
  params: Count[];
  weight_bytes: Count[];
  input_bytes: Count[];
  output_bytes: Count[];
}

export interface Memory {
  /** Bytes alive while each layer runs. */
  live: Count[];
  /** First and last are layers, by index. */
  tensors: { name: string; bytes: Count; first: number; last: number }[];
}

export type DeviceNumber =
  | "latency_s"
  | "low_s"
  | "high_s"
  | "bound_s"
  | "inference_s"
  | "untimed"
  | "energy_j"
  | "energy_low_j"
  | "energy_high_j";

export interface DeviceCosts extends Record<DeviceNumber, Count> {
  // bound_s: the lower bound on the device's peaks. inference_s: what each inference takes beside
  // its kernels. untimed: how many kernels have no time.
  /** calibrated, fitted, datasheet, or bound for a lower bound; null where there is no time. */
  basis: string | null;
  /** Where there is no time: the other precisions in which there is one. */
  timed_at: string[];
  /** Whether the time is a lower bound: of peaks, or since some kernels are not timed. */
  is_least: boolean;
  /** What the energy rests on, in words; empty where it is unknown. */
  energy_how: string;
  /** Sentences: what is not known, why there is no time. */
  notes: string[];
  /** Sentences that say how the network differs from those of the fit. */
  outside: string[];
  capacity: Capacity[];
  kernels: Kernels;
}

export interface Capacity {
  what: string;
  where: string;
  needed_bytes: Count;
  available_bytes: Count;
  /** Whether more can be needed: an arena has gaps, which only Python finds. */
  is_least: boolean;
}

/** Columns, one entry a kernel; empty where there is no time. */
export interface Kernels {
  name: string[];
  /** Indices of the layers of each, the one that names it first. */
  layers: number[][];
  latency_s: Count[];
  /** What the time is made of: these three add up to it. */
  compute_s: Count[];
  memory_s: Count[];
  overhead_s: Count[];
  /** The lower bound of each on the peaks. */
  bound_compute_s: Count[];
  bound_memory_s: Count[];
  mult_adds: Count[];
  traffic_bytes: Count[];
  /** For each level of the device, the bytes that pass it, of each kernel. */
  level_bytes: Count[][];
}
