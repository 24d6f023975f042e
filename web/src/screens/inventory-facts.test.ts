import { describe, expect, it } from "vitest";
import { inventoryFacts } from "./inventory-facts";

describe("inventoryFacts", () => {
  it("shows what a device found out about itself", () => {
    expect(
      inventoryFacts({
        architecture: "aarch64",
        board: "NVIDIA Jetson Orin Nano Developer Kit",
        cpu: "Cortex-A78AE",
        cores: 6,
        cpu_features: ["dotprod", "neon"],
        parts: ["nvidia_gpu Tegra", "edgetpu USB 18d1:9302"],
        versions: { jetpack: "6.0", something_new: "3" },
        onnx: { opset: 22, ir: 10 },
      }),
    ).toEqual([
      ["Board", "NVIDIA Jetson Orin Nano Developer Kit"],
      ["Processor", "Cortex-A78AE, 6 cores"],
      ["Processor features", "dotprod neon"],
      ["Accelerator", "nvidia_gpu Tegra"],
      ["Accelerator", "edgetpu USB 18d1:9302"],
      ["JetPack", "6.0"],
      ["something_new", "3"],
      ["Reads ONNX up to", "opset 22, IR 10"],
    ]);
  });

  it("shows nothing that is not told", () => {
    expect(inventoryFacts({})).toEqual([]);
    expect(inventoryFacts({ cores: 1, versions: null, onnx: {}, parts: "edgetpu" })).toEqual([["Processor", "1 core"]]);
  });
});
