// What a device found out about itself, as facts to show: board, processor, accelerators and versions.

type Fact = [name: string, text: string];

const NAMES: Record<string, string> = {
  cuda: "CUDA",
  cudnn: "cuDNN",
  edgetpu: "Edge TPU runtime",
  hailort: "HailoRT",
  jetpack: "JetPack",
  kernel: "Linux",
  l4t: "Jetson Linux",
  nvidia_driver: "NVIDIA driver",
  onnxruntime: "ONNX Runtime",
  openvino: "OpenVINO",
  tensorrt: "TensorRT",
  tflite: "TensorFlow Lite",
};

export const versionName = (name: string) => NAMES[name] ?? name;

const text = (value: unknown) => (typeof value === "string" ? value : "");
const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
const record = (value: unknown) => (value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {});

/** Only what it tells; nothing for an agent that tells none of it. */
export function inventoryFacts(capabilities: Record<string, unknown>): Fact[] {
  const cores = capabilities["cores"];
  const onnx = record(capabilities["onnx"]);
  const facts: Fact[] = [
    ["Board", text(capabilities["board"])],
    ["Processor", [text(capabilities["cpu"]), typeof cores === "number" ? `${cores} ${cores === 1 ? "core" : "cores"}` : ""].filter(Boolean).join(", ")],
    ["Processor features", texts(capabilities["cpu_features"]).join(" ")],
    ...texts(capabilities["parts"]).map((part): Fact => ["Accelerator", part]),
    ...Object.entries(record(capabilities["versions"])).map(([name, version]): Fact => [NAMES[name] ?? name, String(version)]),
    ["Reads ONNX up to", typeof onnx["opset"] === "number" ? `opset ${onnx["opset"]}, IR ${onnx["ir"]}` : ""],
  ];
  return facts.filter(([, said]) => said !== "");
}
