"""What the papers print and what each figure is: a second, independent copy of the tables.

table | row | mult-adds | verdict | params | verdict. Sources: arXiv:1704.04861, 1801.04381 and
1905.02244; the verdicts were worked out by arithmetic beside the program. Where two readings are
possible, the comment says so.
"""

from __future__ import annotations

# Table 7's 290 and Table 9's 76 are ours cut (290.675, 76.525); they could also be the network
# without its classifier, rounded (289.651, 76.013). Table 12's 48 is ours cut (48.669), among
# figures that are rounded; Table 14's 185 is ours cut, or the body alone, rounded (185.377).
V1 = """\
3 | Convolution | 462 M | rounded | 2.36 M | rounded
3 | Depthwise Separable Conv | 52.3 M | rounded | 0.27 M | rounded
3 | alpha = 0.75 | 29.6 M | rounded | 0.15 M | rounded
3 | rho = 0.714 | 15.1 M | rounded | 0.15 M | rounded
4 | Conv MobileNet | 4866 M | convention | 29.3 M | rounded
4 | MobileNet | 569 M | rounded | 4.2 M | rounded
5 | 0.75 MobileNet | 325 M | rounded | 2.6 M | rounded
5 | Shallow MobileNet | 307 M | rounded | 2.9 M | rounded
6 | 1.0 MobileNet-224 | 569 M | rounded | 4.2 M | rounded
6 | 0.75 MobileNet-224 | 325 M | rounded | 2.6 M | rounded
6 | 0.5 MobileNet-224 | 149 M | rounded | 1.3 M | rounded
6 | 0.25 MobileNet-224 | 41 M | rounded | 0.5 M | rounded
7 | 1.0 MobileNet-224 | 569 M | rounded | 4.2 M | rounded
7 | 1.0 MobileNet-192 | 418 M | rounded | 4.2 M | rounded
7 | 1.0 MobileNet-160 | 290 M | truncated | 4.2 M | rounded
7 | 1.0 MobileNet-128 | 186 M | rounded | 4.2 M | rounded
8 | 1.0 MobileNet-224 | 569 M | rounded | 4.2 M | rounded
8 | GoogleNet | 1550 M | not reproducible | 6.8 M | not reproducible
8 | VGG 16 | 15300 M | convention | 138 M | rounded
9 | 0.50 MobileNet-160 | 76 M | truncated | 1.32 M | rounded
9 | Squeezenet | 1700 M | convention | 1.25 M | convention
9 | AlexNet | 720 M | rounded | 60 M | truncated
10 | Inception V3 | 5000 M | not reproducible | 23.2 M | not reproducible
10 | 1.0 MobileNet-224 | 569 M | convention | 3.3 M | rounded
10 | 0.75 MobileNet-224 | 325 M | rounded | 1.9 M | rounded
10 | 1.0 MobileNet-192 | 418 M | convention | 3.3 M | rounded
10 | 0.75 MobileNet-192 | 239 M | rounded | 1.9 M | rounded
4.4 | PlaNet | 5.74 G | quoted | 52 M | quoted
4.4 | PlaNet MobileNet | 0.58 M | typo | 13 M | convention
12 | 1.0 MobileNet-224 | 568 M | rounded | 3.2 M | rounded
12 | 0.5 MobileNet-224 | 149 M | rounded | 0.8 M | rounded
12 | 0.25 MobileNet-224 | 45 M | not reproducible | 0.2 M | rounded
12 | 1.0 MobileNet-128 | 185 M | rounded | 3.2 M | rounded
12 | 0.5 MobileNet-128 | 48 M | truncated | 0.8 M | rounded
12 | 0.25 MobileNet-128 | 15 M | not reproducible | 0.2 M | rounded
12 | Baseline | 1600 M | quoted | 7.5 M | quoted
13 | SSD 300 / deeplab-VGG | 34.9 G | rounded | 33.1 M | not reproducible
13 | SSD 300 / Inception V2 | 3.8 G | fitted | 13.7 M | fitted
13 | SSD 300 / MobileNet | 1.2 G | rounded | 6.8 M | rounded
13 | Faster-RCNN 300 / VGG | 64.3 G | fitted | 138.5 M | rounded
13 | Faster-RCNN 300 / Inception V2 | 118.2 G | fitted | 13.3 M | rounded
13 | Faster-RCNN 300 / MobileNet | 25.2 G | fitted | 6.1 M | rounded
13 | Faster-RCNN 600 / VGG | 149.6 G | not reproducible | 138.5 M | rounded
13 | Faster-RCNN 600 / Inception V2 | 129.6 G | fitted | 13.3 M | rounded
13 | Faster-RCNN 600 / MobileNet | 30.5 G | fitted | 6.1 M | rounded
14 | FaceNet | 1600 M | quoted | 7.5 M | quoted
14 | 1.0 MobileNet-160 | 286 M | not reproducible | 4.9 M | not reproducible
14 | 1.0 MobileNet-128 | 185 M | truncated | 5.5 M | not reproducible
14 | 0.75 MobileNet-128 | 166 M | typo | 3.4 M | not reproducible
14 | 0.75 MobileNet-128 | 108 M | not reproducible | 3.8 M | not reproducible
"""

V2 = """\
4 | MobileNetV1 | 575 M | not reproducible | 4.2 M | rounded
4 | ShuffleNet (1.5) | 292 M | quoted | 3.4 M | quoted
4 | ShuffleNet (x2) | 524 M | quoted | 5.4 M | quoted
4 | NasNet-A | 564 M | rounded | 5.3 M | rounded
4 | MobileNetV2 | 300 M | truncated | 3.4 M | truncated
4 | MobileNetV2 (1.4) | 585 M | not reproducible | 6.9 M | not reproducible
5 | SSD | 1.25 G | quoted | 14.8 M | quoted
5 | SSDLite | 0.35 G | convention | 2.1 M | rounded
6 | SSD300 | 35.2 G | quoted | 36.1 M | quoted
6 | SSD512 | 99.5 G | quoted | 36.1 M | quoted
6 | YOLOv2 | 17.5 G | quoted | 50.7 M | quoted
6 | MNet V1 + SSDLite | 1.3 G | quoted | 5.1 M | quoted
6 | MNet V2 + SSDLite | 0.8 G | rounded | 4.3 M | rounded
7 | V1, OS 16, ASPP | 14.25 G | quoted | 11.15 M | quoted
7 | V1, OS 8, ASPP, MF | 941.9 G | quoted | 11.15 M | quoted
7 | V2, OS 16, ASPP | 5.8 G | not reproducible | 4.52 M | rounded
7 | V2, OS 8, ASPP, MF | 387 G | quoted | 4.52 M | quoted
7 | V2, OS 16 | 2.75 G | not reproducible | 2.11 M | rounded
7 | V2, OS 8, MF | 152.6 G | quoted | 2.11 M | quoted
7 | ResNet-101, OS 16, ASPP | 81.0 G | quoted | 58.16 M | quoted
7 | ResNet-101, OS 8, ASPP, MF | 4870.6 G | quoted | 58.16 M | quoted
"""

# Table 6: the params of our four SSDLite rows are as printed where those of norms are left out, and
# in no other way all four; those with norms are 5.007, 3.248, 0.948 and 1.562 M. Neither
# number of classes gives both figures of the V2 row: 90 give 0.804 G and 4.450 M, 80 give 0.789 G
# and 4.286 M.
V3 = """\
3 | V3-Large 1.0 | 219 M | not reproducible | 5.4 M | truncated
3 | V3-Large 0.75 | 155 M | rounded | 4.0 M | rounded
3 | MnasNet-A1 | 315 M | not reproducible | 3.9 M | rounded
3 | Proxyless | 320 M | quoted | 4.0 M | quoted
3 | V2 1.0 | 300 M | truncated | 3.4 M | convention
3 | V3-Small 1.0 | 66 M | not reproducible | 2.9 M | rounded
3 | V3-Small 0.75 | 44 M | rounded | 2.4 M | rounded
3 | Mnas-small | 65.1 M | quoted | 1.9 M | quoted
3 | V2 0.35 | 59.2 M | truncated | 1.6 M | truncated
6 | V1 | 1.3 G | quoted | 5.1 M | quoted
6 | V2 | 0.80 G | rounded | 4.3 M | not reproducible
6 | MnasNet | 0.84 G | quoted | 4.88 M | quoted
6 | V3 | 0.62 G | not reproducible | 4.97 M | rounded
6 | V3, C4 to C5 halved | 0.51 G | rounded | 3.22 M | rounded
6 | V2 0.35 | 0.16 G | truncated | 0.93 M | rounded
6 | V2 0.5 | 0.27 G | rounded | 1.54 M | rounded
6 | MnasNet 0.35 | 0.18 G | quoted | 1.02 M | quoted
6 | MnasNet 0.5 | 0.29 G | quoted | 1.68 M | quoted
6 | V3-Small | 0.21 G | quoted | 2.49 M | quoted
6 | V3-Small, C4 to C5 halved | 0.16 G | quoted | 1.77 M | quoted
7 | 1: V2, R-ASPP, F 256 | 21.29 G | not reproducible | 2.11 M | rounded
7 | 2: V2, RF2, R-ASPP, F 256 | 13.68 G | quoted | 1.15 M | quoted
7 | 3: V2, RF2, LR-ASPP, F 256 | 12.83 G | quoted | 1.02 M | quoted
7 | 4: V2, RF2, LR-ASPP, F 128 | 12.57 G | quoted | 0.98 M | quoted
7 | 5: V3, R-ASPP, F 256 | 18.43 G | not reproducible | 3.60 M | rounded
7 | 6: V3, RF2, R-ASPP, F 256 | 11.24 G | not reproducible | 1.76 M | rounded
7 | 7: V3, RF2, LR-ASPP, F 256 | 10.33 G | not reproducible | 1.63 M | rounded
7 | 8: V3, RF2, LR-ASPP, F 128 | 9.74 G | not reproducible | 1.51 M | rounded
7 | 9: V2 0.5, RF2, LR-ASPP, F 128 | 4.00 G | quoted | 0.28 M | quoted
7 | 10: V2 0.35, RF2, LR-ASPP, F 128 | 2.54 G | quoted | 0.16 M | quoted
7 | 11: V3-Small, RF2, LR-ASPP, F 128 | 2.90 G | quoted | 0.47 M | quoted
8 | V3, OS 16 | 9.74 G | not reproducible
8 | V3, OS 16, half | 2.48 G | not reproducible
8 | V3, OS 32 | 7.74 G | not reproducible
8 | V3, OS 32, half | 1.98 G | not reproducible
8 | V3-Small, OS 16 | 2.90 G | quoted
8 | V3-Small, OS 16, half | 0.74 G | quoted
8 | V3-Small, OS 32 | 2.06 G | quoted
8 | V3-Small, OS 32, half | 0.53 G | quoted
8 | ESPNetv2, half | 2.7 G | quoted
8 | CCC2, half | 3.15 G | quoted
8 | ESPNetv1, half | 4.5 G | quoted
"""
